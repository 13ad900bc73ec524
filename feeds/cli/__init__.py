"""Define the commands that a person types."""
