"""Add the ids of articles that are not those of their links, and other ids that lead to articles.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add columns to `originals` and `runs`, and the table `aliases`."""
    op.add_column("originals", sa.Column("article_id", sa.String(45), nullable=False, server_default=""))
    for name in ("merged", "split"):
        op.add_column("runs", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "aliases",
        sa.Column("alias", sa.String(45), primary_key=True),
        sa.Column("article_id", sa.String(45), primary_key=True),
    )
