"""Run the long-lived processes: the web server and the watcher, with their logs."""
