"""The database's tables (SQLAlchemy Core). Times are microseconds since 1970 in UTC: every database alike.

What files and people write has no greatest length here: PostgreSQL would refuse the batch that holds it.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    event,
)
from sqlalchemy.dialects.postgresql import ARRAY

SCHEMA = 5
"""Raised with every change to the tables, which a migration of that number makes (`storage/migrations/`)."""

metadata = MetaData()

# One row a number of the database itself: `generation`, which moves whenever anything that a feed shows has
# changed; `needs`, the oldest schema that a version has to know to work on it.
meta = Table(
    "meta",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# What was seen in an inbox, so that an unchanged file is not read again.
files = Table(
    "files",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),  # nanoseconds, as the file system says
    Column("version", Text, nullable=False, server_default=""),  # an ETag or its like, where there is one
    Column("digest", String(32), nullable=False),
    Column("reason", Text, nullable=False),  # why it could not be read; empty where it could
    Column("seen", BigInteger, nullable=False),
)

# Files that have no disk: what was posted, what was fetched from others.
documents = Table(
    "documents",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),  # deflated
    Column("size", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),  # nanoseconds
    Column("digest", String(32), nullable=False),
)

# Feeds of others that are polled: when, and how that went.
upstreams = Table(
    "upstreams",
    metadata,
    Column("url", Text, primary_key=True),  # as it is configured
    Column("address", Text, nullable=False),  # where it is now
    Column("title", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("modified", Text, nullable=False),  # Last-Modified, as it was sent
    Column("checked", BigInteger),
    Column("changed", BigInteger),
    Column("due", BigInteger),  # none where it is not asked any more
    Column("failures", Integer, nullable=False),  # since it last answered
    Column("failed", BigInteger),  # when the first of them was
    Column("error", Text, nullable=False),
)

# What each file said: the draft as found, kept so that it can be cleaned again where the disk is gone.
# Several originals may tell of one entry; what is served is decided over all of them.
originals = Table(
    "originals",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("entry_id", String(45), nullable=False),
    Column("draft", LargeBinary, nullable=False),  # JSON, deflated
    Column("dated", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("edited", BigInteger),  # when a changed file last changed that text
    Index("originals_by_entry", "entry_id"),
)

entries = Table(
    "entries",
    metadata,
    Column("id", String(45), primary_key=True),
    Column("source", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("published", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("language", Text, nullable=False),
    Column("extra", Text, nullable=False),  # JSON: authors, tags, image, enclosures
    Column("receipt", Text, nullable=False),  # JSON
    Column("recipe", String(60), nullable=False),  # fingerprint of what cleaned it
    Column("digest", String(32), nullable=False),  # of everything that a feed shows
    Index("entries_newest", "published", "id"),
    Index("entries_newest_by_source", "source", "published", "id"),
    # All that is asked of sources without their articles: no row, and no id, is read for that.
    Index("entries_times_by_source", "source", "published", "updated"),
)

# What cleaning did to each entry, in numbers: apart from `entries`, to be summed up without their bodies.
cleanings = Table(
    "cleanings",
    metadata,
    Column("id", String(45), primary_key=True),
    Column("source", Text, nullable=False),
    Column("published", BigInteger, nullable=False),
    Column("before", Integer, nullable=False),  # bytes of the body as found
    Column("after", Integer, nullable=False),  # and as served
    Column("pieces", Text, nullable=False),  # JSON: by rule
    Column("hosts_before", Text, nullable=False),  # a blank between them
    Column("hosts_after", Text, nullable=False),
    Column("more_before", Integer, nullable=False),  # hosts that are not named
    Column("more_after", Integer, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("home", Text, nullable=False),
    Column("language", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("trigger", Text, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("finished", BigInteger),
    Column("new", Integer, nullable=False, default=0),
    Column("changed", Integer, nullable=False, default=0),
    Column("same", Integer, nullable=False, default=0),
    Column("waiting", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("error", Text, nullable=False, default=""),
)

# Entries that are published no more: `retired` with their files, or `forgotten` for good.
deletions = Table(
    "deletions",
    metadata,
    Column("id", String(45), primary_key=True),
    Column("source", Text, nullable=False),
    Column("deleted", BigInteger, nullable=False),
    Column("forgotten", Integer, nullable=False),  # 1: whatever a file says, it does not come back
    Index("deletions_newest", "deleted"),
)

# Sources that were renamed or merged: what belonged to `slug` belongs to the source described here.
moves = Table(
    "moves",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("target", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("home", Text, nullable=False),
    Column("language", Text, nullable=False),
)

# What WebSub hubs have still to be told: one row a hub and topic, however often the topic has changed.
pushes = Table(
    "pushes",
    metadata,
    Column("hub", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("queued", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", BigInteger),  # when it is tried next; none where it was given up
    Column("error", Text, nullable=False),
)

# What each hub was last told of a feed, or will be by what stands in `pushes`.
announced = Table(
    "announced",
    metadata,
    Column("hub", Text, primary_key=True),
    Column("feed", Text, primary_key=True),
    Column("fingerprint", String(32), nullable=False),
)

# The tokens that open private feeds, by their hashes; an empty `feed` is every feed.
tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("hash", String(64), nullable=False),
    Column("feed", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Index("tokens_by_hash", "hash", unique=True),
    sqlite_autoincrement=True,  # no number is given twice
)

# What articles are found by beside their own columns: tags and authors, as `search.label` writes them.
labels = Table(
    "labels",
    metadata,
    Column("id", String(45), primary_key=True),
    Column("kind", String(10), primary_key=True),  # tag, author
    Column("value", Text, primary_key=True),
    Index("labels_by_value", "kind", "value", "id"),
)

# The words of articles, as `search.searchable` writes them: what decides whether a word occurs.
texts = Table(
    "texts",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(45), nullable=False),
    Column("text", Text, nullable=False),
    # `search.pieces`, which say where it is worth looking, each as a number; SQLite has the pieces themselves
    # in a table of its own kind.
    Column("numbers", ARRAY(Integer).with_variant(Integer, "sqlite")),
    Index("texts_by_id", "id", unique=True),
    Index("texts_by_numbers", "numbers", postgresql_using="gin").ddl_if(dialect="postgresql"),
)

PIECES = "texts_pieces"
"""SQLite's index of `search.pieces`: it keeps no text, and no more than in which rows a piece occurs."""

event.listen(
    texts,
    "after_create",
    DDL(  # type: ignore[no-untyped-call]
        f"CREATE VIRTUAL TABLE {PIECES} USING "
        "fts5(pieces, content='', columnsize=0, detail=none, tokenize='ascii')"
    ).execute_if(dialect="sqlite"),
)
