"""Add what a subscription knows of its feed beside its URL, and the subscriptions to WebSub hubs.

Revision ID: 0008
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0005"


def upgrade() -> None:
    """Add four columns of `upstreams` and the table `push_subscriptions`."""
    for name in ("note", "wishes", "hub", "topic"):
        op.add_column("upstreams", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.create_table(
        "push_subscriptions",
        sa.Column("url", sa.Text, primary_key=True),
        sa.Column("hub", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("callback", sa.String(64), nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("due", sa.BigInteger),
        sa.Column("expires", sa.BigInteger),
        sa.Column("pushed", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_index("push_subscriptions_by_callback", "push_subscriptions", ["callback"], unique=True)
