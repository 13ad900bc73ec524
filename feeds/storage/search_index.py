"""What articles are found by: their words, tags and authors, written in the transaction of the articles.

Which article a word occurs in is decided by `texts.text`, the same on every database. Which ones are worth
looking at is said by an index of `search.pieces`: SQLite's FTS5, or an array under GIN in PostgreSQL.
Neither cuts texts into words itself, so that neither does it in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from feeds.model.articles import Article
from feeds.storage import schema
from feeds.storage.pg_arrays import Numbers, NumbersType
from feeds.text import search_terms
from feeds.text.search_terms import SearchDocument

_MOST_PARAMETERS = 500
_NOTHING_READY: Mapping[str, SearchDocument] = MappingProxyType({})
_texts, _labels = schema.texts.c, schema.labels.c
_ID: sa.BindParameter[str] = sa.bindparam("new_id")
_TEXT: sa.BindParameter[str] = sa.bindparam("new_text")
_NUMBERS: sa.BindParameter[Numbers] = sa.bindparam("new_numbers", type_=NumbersType())


def write(
    connection: Connection, articles: Iterable[Article], ready: Mapping[str, SearchDocument] = _NOTHING_READY
) -> None:
    """Let articles be found by what they say now; `ready` may hold what was made for that already, by id."""
    by_id = {article.id: article for article in articles}
    _write_texts(connection, [_search_document(one, ready.get(one.id)) for one in by_id.values()])
    _write_labels(connection, by_id)


def remove(connection: Connection, ids: Sequence[str]) -> None:
    """Let articles be found no more."""
    _remove_texts(connection, _known_texts(connection, ids))
    for chunk in chunks(ids):
        connection.execute(sa.delete(schema.labels).where(_labels.id.in_(chunk)))


def clear(connection: Connection) -> None:
    """Let nothing be found, before everything is written anew."""
    connection.execute(sa.delete(schema.texts))
    connection.execute(sa.delete(schema.labels))
    if _has_own_table(connection):
        connection.exec_driver_sql(f"INSERT INTO {schema.PIECES}({schema.PIECES}) VALUES ('delete-all')")


def occurs(connection: Connection, word: str, entry_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """The condition that one of `search.words` occurs in the article of that id."""
    pattern = search_terms.query_pattern(word)
    found = _texts.text.contains(pattern, autoescape=True)
    pieces = search_terms.index_pieces(pattern)
    if not pieces:  # one ideograph: every text is looked at, from the newest on until there are enough
        return sa.exists().where(_texts.id == entry_id, found)
    near: sa.ColumnElement[bool]
    if _has_own_table(connection):
        asked = " AND ".join(f'"{piece}"' for piece in pieces.split())
        rows = sa.text(f"SELECT rowid FROM {schema.PIECES} WHERE {schema.PIECES} MATCH :asked")
        near = _texts.number.in_(rows.bindparams(sa.bindparam("asked", asked, unique=True)))
    else:
        near = _texts.numbers.contains([ord(piece) for piece in pieces.split()])
    return entry_id.in_(sa.select(_texts.id).where(near, found))


def occurs_not(word: str, entry_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """The condition that one of `search.words` does not occur in the article of that id."""
    found = _texts.text.contains(search_terms.query_pattern(word), autoescape=True)
    return ~sa.exists().where(_texts.id == entry_id, found)


def labelled(kind: str, values: Sequence[str], entry_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """The condition that the article of that id has one of these tags, or one of these authors."""
    return entry_id.in_(sa.select(_labels.id).where(_labels.kind == kind, _labels.value.in_(values)))


def _search_document(article: Article, ready: SearchDocument | None) -> tuple[str, SearchDocument]:
    if ready and (ready.title, ready.body) == (article.title, article.html):
        return article.id, ready
    return article.id, search_terms.build_search_document(article.title, article.html)


def _write_texts(connection: Connection, articles: Iterable[tuple[str, SearchDocument]]) -> None:
    made = dict(articles)
    known = _known_texts(connection, list(made))
    stale = {entry_id: row for entry_id, row in known.items() if row[1] != made[entry_id].text}
    _remove_texts(connection, stale)
    fresh = [entry_id for entry_id in made if entry_id not in known or entry_id in stale]
    if not fresh:
        return
    if not _has_own_table(connection):
        connection.execute(
            sa.insert(schema.texts).values(id=_ID, text=_TEXT, numbers=_NUMBERS),
            [
                {
                    "new_id": one,
                    "new_text": made[one].text,
                    "new_numbers": Numbers(made[one].pieces.replace(" ", "")),
                }
                for one in fresh
            ],
        )
        return
    connection.execute(sa.insert(schema.texts), [{"id": one, "text": made[one].text} for one in fresh])
    for chunk in chunks(fresh, each=2):
        found = connection.execute(sa.select(_texts.number, _texts.id).where(_texts.id.in_(chunk)))
        rows = [(row.number, made[row.id].pieces) for row in found]
        connection.exec_driver_sql(
            f"INSERT INTO {schema.PIECES}(rowid, pieces) VALUES {', '.join(['(?, ?)'] * len(rows))}",
            tuple(chain(*rows)),
        )


def _remove_texts(connection: Connection, known: dict[str, tuple[int, str]]) -> None:
    if known and _has_own_table(connection):  # what it knew is told by the text, or else stays in it
        connection.exec_driver_sql(
            f"INSERT INTO {schema.PIECES}({schema.PIECES}, rowid, pieces) VALUES ('delete', ?, ?)",
            [(number, search_terms.index_pieces(text)) for number, text in known.values()],
        )
    for chunk in chunks(list(known)):
        connection.execute(sa.delete(schema.texts).where(_texts.id.in_(chunk)))


def _known_texts(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    query = sa.select(_texts.id, _texts.number, _texts.text)
    return {
        row.id: (row.number, row.text)
        for chunk in chunks(ids)
        for row in connection.execute(query.where(_texts.id.in_(chunk)))
    }


def _write_labels(connection: Connection, articles: dict[str, Article]) -> None:
    made = {(one.id, kind, value) for one in articles.values() for kind, value in _labels_of(one)}
    known = {
        (row.id, row.kind, row.value)
        for chunk in chunks(list(articles))
        for row in connection.execute(sa.select(schema.labels).where(_labels.id.in_(chunk)))
    }
    names = ("id", "kind", "value")
    if stale := [dict(zip(names, row, strict=True)) for row in sorted(known - made)]:
        which = [schema.labels.c[name] == sa.bindparam(f"old_{name}") for name in names]
        old = [{f"old_{name}": value for name, value in row.items()} for row in stale]
        connection.execute(sa.delete(schema.labels).where(*which), old)
    if fresh := [dict(zip(names, row, strict=True)) for row in sorted(made - known)]:
        connection.execute(sa.insert(schema.labels), fresh)


def _labels_of(article: Article) -> Iterator[tuple[str, str]]:
    for kind, values in (("tag", article.tags), ("author", article.authors)):
        for value in values:
            if label := search_terms.fold_label(value):
                yield kind, label


def _has_own_table(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def chunks(values: Sequence[Any], each: int = 1) -> Iterator[Sequence[Any]]:
    """The values in portions that a statement can take, with so many parameters for each of them."""
    most = _MOST_PARAMETERS // each
    for start in range(0, len(values), most):
        yield values[start : start + most]
