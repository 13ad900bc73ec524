"""Cache responses: in memory, on disk between workers, and in front of Flask."""
