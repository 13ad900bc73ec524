"""Run the long-lived processes: gunicorn, the watcher, logging."""
