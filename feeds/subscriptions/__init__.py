"""Poll other people's feeds politely, and keep what they answer as files for the ingest."""
