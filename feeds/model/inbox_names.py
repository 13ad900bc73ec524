"""Name the inboxes that are not configured: what was posted and what was fetched lies in the database.

The names are stored with every file, so they never change. They stand apart from the storage that uses them,
so that a configuration is checked against them without importing SQLAlchemy.
"""

from __future__ import annotations

FIRST_FOLDER = "folder"
"""The name of the first inbox that is a folder: wherever it is moved to, its files stay known."""
POSTED = "posted"
"""The inbox of what was posted."""
FETCHED = "subscriptions"
"""The inbox of what was fetched from other people's feeds."""
RESERVED_INBOXES = (POSTED, FETCHED)
