"""Add the descriptions of podcasts.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the table `podcasts`."""
    op.create_table(
        "podcasts",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("described", sa.BigInteger, nullable=False),
        sa.Column("podcast", sa.Text, nullable=False),
    )
