"""Define the tables of the database (SQLAlchemy Core).

Times are microseconds since 1970 in UTC, the same on every database. Columns for texts of files and people
have no maximum length, because PostgreSQL would refuse a batch with a longer text.
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

SCHEMA = 12
"""Number of the schema. Every change to the tables increments it and adds a migration with this number."""

metadata = MetaData()

# Numbers of the database itself. `generation` is incremented whenever something changes that a feed shows.
# `needs` is the oldest schema that a version of feeds must know to use the database.
meta = Table(
    "meta",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# The known files of each inbox, so that an unchanged file is not read again.
files = Table(
    "files",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),  # nanoseconds since 1970
    Column("version", Text, nullable=False, server_default=""),  # an ETag or similar; may be empty
    Column("digest", String(32), nullable=False),
    Column("reason", Text, nullable=False),  # why it could not be read; empty if it was read
    Column("seen", BigInteger, nullable=False),
)

# Documents that are not files on a disk: uploads, and documents of subscriptions.
documents = Table(
    "documents",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),  # compressed by zlib
    Column("size", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),  # nanoseconds since 1970
    Column("digest", String(32), nullable=False),
)

# Subscriptions: when each feed is polled, and the result of the last poll.
upstreams = Table(
    "upstreams",
    metadata,
    Column("url", Text, primary_key=True),  # as configured, without credentials
    Column("address", Text, nullable=False),  # the current URL, after permanent redirects
    Column("title", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("modified", Text, nullable=False),  # the header Last-Modified, as it was sent
    Column("checked", BigInteger),
    Column("changed", BigInteger),
    Column("due", BigInteger),  # null if it is not polled any more
    Column("failures", Integer, nullable=False),  # since the last successful poll
    Column("failed", BigInteger),  # time of the first of these failures
    Column("error", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),  # how `address` was found, if a page names it
    Column("wishes", Text, nullable=False, server_default=""),  # JSON: when the feed wants to be polled
    Column("hub", Text, nullable=False, server_default=""),  # the WebSub hub that the feed names
    Column("topic", Text, nullable=False, server_default=""),  # the feed's URL for that hub
)

# Subscriptions to WebSub hubs, one for each subscription whose feed names a hub.
push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    Column("url", Text, primary_key=True),  # of the subscription, as in `upstreams`
    Column("hub", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("callback", String(64), nullable=False),  # the last part of the URL that the hub posts to
    Column("secret", String(64), nullable=False),  # that the hub signs with
    Column("state", Text, nullable=False),  # new, asked, active, denied or ending
    Column("due", BigInteger),  # time of the next request to the hub; null if there is none
    Column("expires", BigInteger),  # end of the lease; null if there is none
    Column("pushed", BigInteger),  # time of the last content of the hub
    Column("failures", Integer, nullable=False),  # since the hub last verified the subscription
    Column("error", Text, nullable=False),
    Index("push_subscriptions_by_callback", "callback", unique=True),
)

# The drafts that were read from each file, so that articles can be cleaned again without the files. One entry
# may have several originals; the served article is made from all of them.
originals = Table(
    "originals",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("entry_id", String(45), nullable=False),
    # The id that the article has for the public; empty if it is that of its link.
    Column("article_id", String(45), nullable=False, server_default=""),
    # 1: its source is the publisher of its link, as in versions of feeds without this column.
    Column("keeps_source", Integer, nullable=False, server_default="1"),
    Column("draft", LargeBinary, nullable=False),  # JSON, compressed by zlib
    Column("dated", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("edited", BigInteger),  # time of the last change of this text in its file
    Index("originals_by_entry", "entry_id"),
)

# The source of the entries of each feed, by the keys of the feed. A slug never changes.
feed_sources = Table(
    "feed_sources",
    metadata,
    Column("key", Text, primary_key=True),
    Column("slug", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("home", Text, nullable=False),
    Column("renamed", BigInteger, nullable=False),  # time of the last change of the title; 0 if none
)

# Other ids that lead to an article: of its guid, and of former links and the links behind redirects. The id
# of a link leads to several articles if their texts about it differ.
aliases = Table(
    "aliases",
    metadata,
    Column("alias", String(45), primary_key=True),
    Column("article_id", String(45), primary_key=True),
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
    Column("extra", Text, nullable=False),  # JSON: authors, tags, image, enclosures, episode
    Column("receipt", Text, nullable=False),  # JSON
    Column("recipe", String(60), nullable=False),  # fingerprint of the recipe that cleaned it
    Column("digest", String(32), nullable=False),  # of everything that a feed shows
    Index("entries_newest", "published", "id"),
    Index("entries_newest_by_source", "source", "published", "id"),
    # Covers the queries for the numbers and dates of sources, so that they read the index only.
    Index("entries_times_by_source", "source", "published", "updated"),
)

# Statistics of the cleaning of each entry, in a table of their own so that queries read no bodies.
cleanings = Table(
    "cleanings",
    metadata,
    Column("id", String(45), primary_key=True),
    Column("source", Text, nullable=False),
    Column("published", BigInteger, nullable=False),
    Column("before", Integer, nullable=False),  # bytes of the body before cleaning
    Column("after", Integer, nullable=False),  # bytes of the served body
    Column("pieces", Text, nullable=False),  # JSON: number of pieces by rule
    Column("hosts_before", Text, nullable=False),  # separated by spaces
    Column("hosts_after", Text, nullable=False),
    Column("more_before", Integer, nullable=False),  # number of further hosts
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

# The newest description of each source's podcast, for sources that have one.
podcasts = Table(
    "podcasts",
    metadata,
    Column("source", Text, primary_key=True),
    Column("described", BigInteger, nullable=False),  # time of the document with the description
    Column("podcast", Text, nullable=False),  # JSON
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
    Column("merged", Integer, nullable=False, default=0, server_default="0"),
    Column("split", Integer, nullable=False, default=0, server_default="0"),
    Column("error", Text, nullable=False, default=""),
)

# Deleted entries: retired because their files were deleted, or forgotten by a command.
deletions = Table(
    "deletions",
    metadata,
    Column("id", String(45), primary_key=True),
    Column("source", Text, nullable=False),
    Column("deleted", BigInteger, nullable=False),
    Column("forgotten", Integer, nullable=False),  # 1: no file can bring it back
    Index("deletions_newest", "deleted"),
)

# Renamed and merged sources: the articles of `slug` belong to the source that the other columns describe.
moves = Table(
    "moves",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("target", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("home", Text, nullable=False),
    Column("language", Text, nullable=False),
)

# The sources that articles had before the configuration or a pack gave them to another one: the article
# `id` was once in the feed of `slug`, and its source is now, or was last, `source`.
former_sources = Table(
    "former_sources",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("id", String(45), primary_key=True),
    Column("source", Text, nullable=False),
    Index("former_sources_by_id", "id"),
    Index("former_sources_counted", "slug", "source"),  # covers the query that counts them
)

# Queued WebSub notifications: one row for each hub and topic, however often the topic has changed.
pushes = Table(
    "pushes",
    metadata,
    Column("hub", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("queued", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", BigInteger),  # time of the next attempt; null if there is none
    Column("error", Text, nullable=False),
)

# The fingerprint of each feed of which each hub was last notified, or will be by a row of `pushes`.
announced = Table(
    "announced",
    metadata,
    Column("hub", Text, primary_key=True),
    Column("feed", Text, primary_key=True),
    Column("fingerprint", String(32), nullable=False),
)

# The hashes of the tokens that open private feeds. An empty `feed` means every feed.
tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("hash", String(64), nullable=False),
    Column("feed", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Index("tokens_by_hash", "hash", unique=True),
    sqlite_autoincrement=True,  # no number is used twice
)

# Search index: tags and authors of articles, normalised by `search_terms.fold_label`.
labels = Table(
    "labels",
    metadata,
    Column("id", String(45), primary_key=True),
    Column("kind", String(10), primary_key=True),  # tag, author
    Column("value", Text, primary_key=True),
    Index("labels_by_value", "kind", "value", "id"),
)

# Search index: title and text of articles, normalised by `search_terms.searchable_text`. They decide
# whether a word occurs.
texts = Table(
    "texts",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(45), nullable=False),
    Column("text", Text, nullable=False),
    # The pieces of the text (`search_terms.index_pieces`) as numbers, to find candidates in PostgreSQL.
    # SQLite has them in a virtual table.
    Column("numbers", ARRAY(Integer).with_variant(Integer, "sqlite")),
    Index("texts_by_id", "id", unique=True),
    Index("texts_by_numbers", "numbers", postgresql_using="gin").ddl_if(dialect="postgresql"),
)

PIECES = "texts_pieces"
"""FTS5 table of SQLite for `search_terms.index_pieces`: it has no texts, only the rows of each piece."""

event.listen(
    texts,
    "after_create",
    DDL(  # type: ignore[no-untyped-call]
        f"CREATE VIRTUAL TABLE {PIECES} USING "
        "fts5(pieces, content='', columnsize=0, detail=none, tokenize='ascii')"
    ).execute_if(dialect="sqlite"),
)
