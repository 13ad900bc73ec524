"""Contain the migrations, one file each."""
