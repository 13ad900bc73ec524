"""Store articles, files, runs and tokens in SQLite or PostgreSQL: the only SQL."""
