"""Create the first schema under migrations: add the tables and indexes that older databases lack.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0004"
down_revision = None

metadata = sa.MetaData()


def _key(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), primary_key=True)


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _big(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _numbered(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), primary_key=True, autoincrement=True)


sa.Table("meta", metadata, _key("name", 40), _big("value"))
sa.Table(
    "files",
    metadata,
    *(_key("inbox"), _key("path"), _big("size"), _big("modified"), _text("digest", 32)),
    *(_text("reason"), _big("seen")),
)
sa.Table(
    "originals",
    metadata,
    *(_key("inbox"), _key("path"), sa.Column("position", sa.Integer(), primary_key=True)),
    *(_text("entry_id", 45), sa.Column("draft", sa.LargeBinary(), nullable=False)),
    *(_big("dated"), _big("seen"), _big("edited", nullable=True)),
    sa.Index("originals_by_entry", "entry_id"),
)
sa.Table(
    "entries",
    metadata,
    *(_key("id", 45), _text("source"), _text("link"), _text("title"), _text("html"), _text("summary")),
    *(_big("published"), _big("updated"), _text("language"), _text("extra"), _text("receipt")),
    *(_text("recipe", 60), _text("digest", 32)),
    sa.Index("entries_newest", "published", "id"),
    sa.Index("entries_newest_by_source", "source", "published", "id"),
    sa.Index("entries_times_by_source", "source", "published", "updated"),
)
sa.Table(
    "cleanings",
    metadata,
    *(_key("id", 45), _text("source"), _big("published"), _number("before"), _number("after")),
    *(_text("pieces"), _text("hosts_before"), _text("hosts_after")),
    *(_number("more_before"), _number("more_after")),
)
sa.Table("sources", metadata, _key("slug"), _text("title"), _text("home"), _text("language"))
sa.Table(
    "runs",
    metadata,
    *(_numbered("id"), _text("trigger"), _big("started"), _big("finished", nullable=True)),
    *(_number("new"), _number("changed"), _number("same"), _number("waiting"), _number("failed")),
    _text("error"),
)
sa.Table(
    "deletions",
    metadata,
    *(_key("id", 45), _text("source"), _big("deleted"), _number("forgotten")),
    sa.Index("deletions_newest", "deleted"),
)
sa.Table(
    "moves",
    metadata,
    *(_key("slug"), _text("target"), _text("title"), _text("home"), _text("language")),
)
sa.Table(
    "pushes",
    metadata,
    *(_key("hub"), _key("topic"), _big("queued"), _number("attempts"), _big("due", nullable=True)),
    _text("error"),
)
sa.Table("announced", metadata, _key("hub"), _key("feed"), _text("fingerprint", 32))
sa.Table(
    "tokens",
    metadata,
    *(_numbered("id"), _text("hash", 64), _text("feed"), _text("label"), _big("created")),
    sa.Index("tokens_by_hash", "hash", unique=True),
    sqlite_autoincrement=True,
)
sa.Table(
    "labels",
    metadata,
    *(_key("id", 45), _key("kind", 10), _key("value")),
    sa.Index("labels_by_value", "kind", "value", "id"),
)
sa.Table(
    "texts",
    metadata,
    *(_numbered("number"), _text("id", 45), _text("text")),
    sa.Column("numbers", ARRAY(sa.Integer()).with_variant(sa.Integer(), "sqlite")),
    sa.Index("texts_by_id", "id", unique=True),
    sa.Index("texts_by_numbers", "numbers", postgresql_using="gin").ddl_if(dialect="postgresql"),
)
_PIECES = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS texts_pieces USING "
    "fts5(pieces, content='', columnsize=0, detail=none, tokenize='ascii')"
)


def upgrade() -> None:
    """Create the missing tables and indexes."""
    connection = op.get_bind()
    metadata.create_all(connection)
    for index in [index for table in metadata.sorted_tables for index in table.indexes]:
        if index.name != "texts_by_numbers" or connection.dialect.name == "postgresql":
            index.create(connection, checkfirst=True)
    if connection.dialect.name == "sqlite":
        op.execute(_PIECES)
