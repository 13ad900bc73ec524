"""Name the inboxes that are not configured.

They contain uploaded and fetched documents, in the database. The names are stored with every file, so they
never change. This module is separate from the storage that uses them, so that a configuration can be checked
against them without importing SQLAlchemy.
"""

from __future__ import annotations

FIRST_FOLDER = "folder"
"""Name of the first folder inbox, wherever the folder is moved to, so that its files are recognised."""
POSTED = "posted"
"""Name of the inbox of uploaded documents."""
FETCHED = "subscriptions"
"""Name of the inbox of documents fetched from subscriptions."""
RESERVED_INBOXES = (POSTED, FETCHED)
"""Names that no configured inbox may have."""
