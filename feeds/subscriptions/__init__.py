"""Poll other people's feeds politely, and store their documents for the next run."""
