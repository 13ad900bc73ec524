"""Run the long processes: the web server and the watcher, with their logs."""
