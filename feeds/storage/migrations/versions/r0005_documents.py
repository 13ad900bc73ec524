"""Add files that have no disk, subscriptions, and the version that an inbox reports for a file.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column `files.version` and the tables `documents` and `upstreams`."""
    op.add_column("files", sa.Column("version", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "documents",
        sa.Column("inbox", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
    )
    op.create_table(
        "upstreams",
        sa.Column("url", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("modified", sa.Text, nullable=False),
        sa.Column("checked", sa.BigInteger),
        sa.Column("changed", sa.BigInteger),
        sa.Column("due", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failed", sa.BigInteger),
        sa.Column("error", sa.Text, nullable=False),
    )
