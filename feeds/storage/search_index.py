"""Write and query the search index: words, tags and authors of articles.

The index is written in the transaction that writes the articles. The column `texts.text` decides whether a
word occurs in an article, so every database gives the same answer. An index of the pieces of each text
(`search_terms.index_pieces`) finds the candidates: FTS5 in SQLite, an array with a GIN index in PostgreSQL.
Neither database splits texts into words itself, because each would do it differently.
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

_MAX_PARAMETERS = 500
_NO_DOCUMENTS: Mapping[str, SearchDocument] = MappingProxyType({})
_texts, _labels = schema.texts.c, schema.labels.c
_ID: sa.BindParameter[str] = sa.bindparam("new_id")
_TEXT: sa.BindParameter[str] = sa.bindparam("new_text")
_NUMBERS: sa.BindParameter[Numbers] = sa.bindparam("new_numbers", type_=NumbersType())


def write(
    connection: Connection,
    articles: Iterable[Article],
    documents: Mapping[str, SearchDocument] = _NO_DOCUMENTS,
) -> None:
    """Index articles, in place of what the index has of them.

    `documents` has search documents that were made before, by entry id. A document is used if its title and
    body are those of the article.
    """
    by_id = {article.id: article for article in articles}
    _write_texts(
        connection, [_search_document(article, documents.get(article.id)) for article in by_id.values()]
    )
    _write_labels(connection, by_id)


def remove(connection: Connection, ids: Sequence[str]) -> None:
    """Remove articles from the index."""
    _remove_texts(connection, _stored_texts(connection, ids))
    for chunk in chunks(ids):
        connection.execute(sa.delete(schema.labels).where(_labels.id.in_(chunk)))


def clear(connection: Connection) -> None:
    """Empty the index, before all articles are indexed again."""
    connection.execute(sa.delete(schema.texts))
    connection.execute(sa.delete(schema.labels))
    if _has_pieces_table(connection):
        connection.exec_driver_sql(f"INSERT INTO {schema.PIECES}({schema.PIECES}) VALUES ('delete-all')")


def has_word(connection: Connection, word: str, entry_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a word occurs in the article with this id.

    The word comes from `search_terms.parse_query`.
    """
    pattern = search_terms.query_pattern(word)
    contains_word = _texts.text.contains(pattern, autoescape=True)
    pieces = search_terms.index_pieces(pattern)
    if not pieces:  # one ideograph: the query reads every text, from the newest on, until there are enough
        return sa.exists().where(_texts.id == entry_id, contains_word)
    is_candidate: sa.ColumnElement[bool]
    if _has_pieces_table(connection):
        expression = " AND ".join(f'"{piece}"' for piece in pieces.split())
        rows = sa.text(f"SELECT rowid FROM {schema.PIECES} WHERE {schema.PIECES} MATCH :expression")
        is_candidate = _texts.number.in_(rows.bindparams(sa.bindparam("expression", expression, unique=True)))
    else:
        is_candidate = _texts.numbers.contains([ord(piece) for piece in pieces.split()])
    return entry_id.in_(sa.select(_texts.id).where(is_candidate, contains_word))


def lacks_word(word: str, entry_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a word does not occur in the article with this id."""
    contains_word = _texts.text.contains(search_terms.query_pattern(word), autoescape=True)
    return ~sa.exists().where(_texts.id == entry_id, contains_word)


def has_label(kind: str, values: Sequence[str], entry_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return the condition that an article has one of these labels.

    Labels are tags and authors, normalised by `search_terms.fold_label`. `kind` is `tag` or `author`.
    """
    return entry_id.in_(sa.select(_labels.id).where(_labels.kind == kind, _labels.value.in_(values)))


def _search_document(article: Article, document: SearchDocument | None) -> tuple[str, SearchDocument]:
    if document and (document.title, document.body) == (article.title, article.html):
        return article.id, document
    return article.id, search_terms.build_search_document(article.title, article.html)


def _write_texts(connection: Connection, articles: Iterable[tuple[str, SearchDocument]]) -> None:
    documents = dict(articles)
    stored = _stored_texts(connection, list(documents))
    stale = {entry_id: row for entry_id, row in stored.items() if row[1] != documents[entry_id].text}
    _remove_texts(connection, stale)
    fresh = [entry_id for entry_id in documents if entry_id not in stored or entry_id in stale]
    if not fresh:
        return
    if not _has_pieces_table(connection):
        connection.execute(
            sa.insert(schema.texts).values(id=_ID, text=_TEXT, numbers=_NUMBERS),
            [
                {
                    "new_id": entry_id,
                    "new_text": documents[entry_id].text,
                    "new_numbers": Numbers(documents[entry_id].pieces.replace(" ", "")),
                }
                for entry_id in fresh
            ],
        )
        return
    connection.execute(
        sa.insert(schema.texts), [{"id": entry_id, "text": documents[entry_id].text} for entry_id in fresh]
    )
    for chunk in chunks(fresh, parameters_per_value=2):
        numbers = connection.execute(sa.select(_texts.number, _texts.id).where(_texts.id.in_(chunk)))
        rows = [(row.number, documents[row.id].pieces) for row in numbers]
        connection.exec_driver_sql(
            f"INSERT INTO {schema.PIECES}(rowid, pieces) VALUES {', '.join(['(?, ?)'] * len(rows))}",
            tuple(chain(*rows)),
        )


def _remove_texts(connection: Connection, texts: dict[str, tuple[int, str]]) -> None:
    if texts and _has_pieces_table(connection):
        # The FTS5 table keeps no texts. It removes only the pieces that it is given, so it needs all of them.
        connection.exec_driver_sql(
            f"INSERT INTO {schema.PIECES}({schema.PIECES}, rowid, pieces) VALUES ('delete', ?, ?)",
            [(number, search_terms.index_pieces(text)) for number, text in texts.values()],
        )
    for chunk in chunks(list(texts)):
        connection.execute(sa.delete(schema.texts).where(_texts.id.in_(chunk)))


def _stored_texts(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Return row number and text of indexed articles, by entry id."""
    query = sa.select(_texts.id, _texts.number, _texts.text)
    return {
        row.id: (row.number, row.text)
        for chunk in chunks(ids)
        for row in connection.execute(query.where(_texts.id.in_(chunk)))
    }


def _write_labels(connection: Connection, articles: dict[str, Article]) -> None:
    wanted = {
        (article.id, kind, value) for article in articles.values() for kind, value in _labels_of(article)
    }
    stored = {
        (row.id, row.kind, row.value)
        for chunk in chunks(list(articles))
        for row in connection.execute(sa.select(schema.labels).where(_labels.id.in_(chunk)))
    }
    names = ("id", "kind", "value")
    if stale := [dict(zip(names, row, strict=True)) for row in sorted(stored - wanted)]:
        conditions = [schema.labels.c[name] == sa.bindparam(f"old_{name}") for name in names]
        old = [{f"old_{name}": value for name, value in row.items()} for row in stale]
        connection.execute(sa.delete(schema.labels).where(*conditions), old)
    if fresh := [dict(zip(names, row, strict=True)) for row in sorted(wanted - stored)]:
        connection.execute(sa.insert(schema.labels), fresh)


def _labels_of(article: Article) -> Iterator[tuple[str, str]]:
    for kind, values in (("tag", article.tags), ("author", article.authors)):
        for value in values:
            if label := search_terms.fold_label(value):
                yield kind, label


def _has_pieces_table(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def chunks(values: Sequence[Any], parameters_per_value: int = 1) -> Iterator[Sequence[Any]]:
    """Split values into chunks with at most 500 parameters of an SQL statement each."""
    size = _MAX_PARAMETERS // parameters_per_value
    for start in range(0, len(values), size):
        yield values[start : start + size]
