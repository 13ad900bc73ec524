"""Run the web server and the watcher, the processes that end only by a signal, and set up their logs."""
