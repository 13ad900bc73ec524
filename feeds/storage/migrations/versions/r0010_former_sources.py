"""Add the sources that articles had before, so that the old addresses of feeds redirect.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the table `former_sources` with its indexes."""
    op.create_table(
        "former_sources",
        sa.Column("slug", sa.Text, primary_key=True),
        sa.Column("id", sa.String(45), primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.create_index("former_sources_by_id", "former_sources", ["id"])
    op.create_index("former_sources_counted", "former_sources", ["slug", "source"])
