"""Turn files of an inbox into articles of the store."""
