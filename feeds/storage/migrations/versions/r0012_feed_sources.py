"""Add the sources of feeds, and which originals keep the source that former versions gave them.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the table `feed_sources` and a column to `originals`."""
    op.add_column("originals", sa.Column("keeps_source", sa.Integer, nullable=False, server_default="1"))
    op.create_table(
        "feed_sources",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("home", sa.Text, nullable=False),
        sa.Column("renamed", sa.BigInteger, nullable=False),
    )
