"""Convert values to rows of the tables and back: JSON, times, days and weeks.

Pure.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any

from feeds.model.articles import (
    EPOCH,
    Article,
    CleanedArticle,
    Draft,
    Enclosure,
    FeedItem,
    FeedSource,
    Original,
    Receipt,
    RuleChange,
    Show,
    Source,
)
from feeds.model.podcasts import Podcast, PodcastElement
from feeds.model.runs import IngestRun

_MICROSECOND = timedelta(microseconds=1)
_DAY_MICROS = 86_400_000_000
# Microseconds from 0001-01-01 to 1970. Times are divided only after this is added, because the databases
# round the quotients of negative numbers differently.
_MICROS_BEFORE_1970 = 719_162 * _DAY_MICROS
# A level of zlib. Higher levels save little space and take more time than all other work of storing.
_COMPRESSION_LEVEL = 1


def to_micros(moment: datetime) -> int:
    """Return the microseconds from 1970 to a time."""
    return (moment - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the time in UTC, from microseconds since 1970."""
    return EPOCH + timedelta(microseconds=micros)


def micros_to_day(micros: Any) -> Any:
    """Return the ordinal (`date.fromordinal`) of the UTC day of a time.

    Return an SQL expression for a column.
    """
    return (micros + _MICROS_BEFORE_1970) // _DAY_MICROS + 1


def micros_to_week(micros: Any) -> Any:
    """Return the number of the UTC week of a time, from Monday to Sunday.

    Return an SQL expression for a column. The week of 0001-01-01 is number 0.
    """
    return (micros + _MICROS_BEFORE_1970) // (7 * _DAY_MICROS)


def week_to_monday(week: int) -> date:
    """Return the first day of a week."""
    return date.fromordinal(7 * week + 1)


def date_to_week(day: date) -> int:
    """Return the number of the week that contains a day."""
    return (day.toordinal() - 1) // 7


def week_to_micros(week: int) -> int:
    """Return the first time of a week, in microseconds since 1970."""
    return 7 * _DAY_MICROS * week - _MICROS_BEFORE_1970


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _fields(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name. Unlike `asdict`, copy no values."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _enclosure_fields(enclosures: Sequence[Enclosure]) -> dict[str, Any]:
    """Return enclosures as JSON. Durations are apart: rows without any are those of earlier versions."""
    fields: dict[str, Any] = {
        "enclosures": [
            {"url": enclosure.url, "type": enclosure.type, "length": enclosure.length}
            for enclosure in enclosures
        ]
    }
    if any(enclosure.duration for enclosure in enclosures):
        fields["durations"] = [enclosure.duration for enclosure in enclosures]
    return fields


def _to_enclosures(fields: Mapping[str, Any]) -> tuple[Enclosure, ...]:
    durations = fields.get("durations") or [0] * len(fields["enclosures"])
    return tuple(
        Enclosure(**enclosure, duration=duration)
        for enclosure, duration in zip(fields["enclosures"], durations, strict=True)
    )


def _elements(elements: Sequence[PodcastElement]) -> list[Any]:
    """Return elements of podcasts as JSON: lists of name, text, attributes and children."""
    return [
        [element.name, element.text, element.attributes, _elements(element.children)] for element in elements
    ]


def _to_elements(values: Sequence[Any]) -> tuple[PodcastElement, ...]:
    return tuple(
        PodcastElement(name, text, tuple((key, value) for key, value in attributes), _to_elements(children))
        for name, text, attributes, children in values
    )


def _podcast_fields(podcast: Podcast) -> dict[str, Any]:
    return {"description": podcast.description, "elements": _elements(podcast.elements)}


def _to_podcast(fields: Mapping[str, Any]) -> Podcast:
    return Podcast(description=fields["description"], elements=_to_elements(fields["elements"]))


def to_podcast_row(slug: str, show: Show) -> dict[str, Any]:
    """Convert the description of a source's podcast to a row of `podcasts`."""
    return {
        "source": slug,
        "described": to_micros(show.described),
        "podcast": _json(_podcast_fields(show.podcast)),
    }


def to_show(row: Mapping[Any, Any]) -> Show:
    """Convert a row of `podcasts` to a Show."""
    return Show(podcast=_to_podcast(json.loads(row["podcast"])), described=from_micros(row["described"]))


def to_entry_row(cleaned: CleanedArticle) -> dict[str, Any]:
    """Convert an article to a row of `entries`.

    The digest covers everything that a feed shows of it.
    """
    article = cleaned.article
    row: dict[str, Any] = {
        "id": article.id,
        "source": article.source.slug,
        "link": article.link,
        "title": article.title,
        "html": article.html,
        "summary": article.summary,
        "published": to_micros(article.published),
        "updated": to_micros(article.updated),
        "language": article.language,
        "extra": _json(
            {
                "authors": article.authors,
                "tags": article.tags,
                "image": article.image,
                **_enclosure_fields(article.enclosures),
                "also_in": article.also_in,
                **({"episode": _elements(article.episode)} if article.episode else {}),
            }
        ),
    }
    row["digest"] = hashlib.blake2b(_json(row).encode(), digest_size=16).hexdigest()
    row["receipt"] = _json([_fields(change) for change in cleaned.receipt.changes])
    row["recipe"] = cleaned.recipe
    return row


def to_cleaning_row(cleaned: CleanedArticle) -> dict[str, Any]:
    """Convert the statistics of an article's cleaning to a row of `cleanings`.

    A database can concatenate its texts: JSON objects with commas, lists of hosts with spaces.
    """
    article, stats = cleaned.article, cleaned.stats
    return {
        "id": article.id,
        "source": article.source.slug,
        "published": to_micros(article.published),
        **_fields(stats),
        "pieces": _json(cleaned.receipt.pieces),
        "hosts_before": " ".join(stats.hosts_before),
        "hosts_after": " ".join(stats.hosts_after),
    }


def to_article(row: Mapping[Any, Any], source: Source) -> Article:
    """Convert a row of `entries` to an Article."""
    extra = json.loads(row["extra"])
    return Article(
        id=row["id"],
        link=row["link"],
        title=row["title"],
        html=row["html"],
        summary=row["summary"],
        source=source,
        published=from_micros(row["published"]),
        updated=from_micros(row["updated"]),
        language=row["language"],
        authors=tuple(extra["authors"]),
        tags=tuple(extra["tags"]),
        image=extra["image"],
        enclosures=_to_enclosures(extra),
        also_in=tuple(extra.get("also_in", ())),
        episode=_to_elements(extra.get("episode", ())),
    )


def to_source_row(source: Source) -> dict[str, Any]:
    """Convert a source to a row of `sources`."""
    return _fields(source)


def to_feed_source_row(feed: FeedSource) -> dict[str, Any]:
    """Convert the source of a feed to a row of `feed_sources`."""
    return _fields(feed)


def to_receipt(text: str) -> Receipt:
    """Convert the column `receipt` to a Receipt."""
    changes = json.loads(text)
    return Receipt(
        changes=tuple(
            RuleChange(rule=change["rule"], count=change["count"], samples=tuple(change["samples"]))
            for change in changes
        )
    )


_DRAFT_FIELDS = frozenset(field.name for field in fields(Draft))


def pack_draft(draft: Draft) -> bytes:
    """Serialise a draft for the column `draft`: JSON, compressed by zlib."""
    fields = _fields(draft) | _enclosure_fields(draft.enclosures)
    del fields["episode"], fields["podcast"], fields["keeps_source"]
    if draft.episode:
        fields["episode"] = _elements(draft.episode)
    if draft.podcast:
        fields["podcast"] = _podcast_fields(draft.podcast)
    if draft.item is not None:
        fields["item"] = _fields(draft.item)
    else:
        del fields["item"]
    for name in ("published", "updated"):
        fields[name] = fields[name].isoformat() if fields[name] else None
    if not draft.unread_dates:  # as in the rows of earlier versions
        del fields["unread_dates"]
    return zlib.compress(_json(fields).encode(), _COMPRESSION_LEVEL)


def to_original_row(original: Original) -> dict[str, Any]:
    """Convert an original to a row of `originals`."""
    return {
        "inbox": original.inbox,
        "path": original.path,
        "position": original.position,
        "entry_id": original.entry_id,
        "article_id": original.article_id,
        "keeps_source": int(original.draft.keeps_source),
        "draft": original.packed or pack_draft(original.draft),
        "dated": to_micros(original.default_published),
        "seen": to_micros(original.first_seen),
        "edited": to_micros(original.edited) if original.edited else None,
    }


def to_original(row: Mapping[Any, Any]) -> Original:
    """Convert a row of `originals` to an Original."""
    draft = json.loads(zlib.decompress(row["draft"]))
    for name in ("published", "updated"):
        draft[name] = datetime.fromisoformat(draft[name]) if draft[name] else None
    draft["enclosures"] = _to_enclosures(draft)
    draft.pop("durations", None)
    draft["episode"] = _to_elements(draft.get("episode", ()))
    draft["podcast"] = _to_podcast(draft["podcast"]) if "podcast" in draft else None
    draft["authors"], draft["tags"] = tuple(draft["authors"]), tuple(draft["tags"])
    draft["unread_dates"] = tuple(draft.get("unread_dates", ()))
    if (item := draft.get("item")) is not None:
        draft["item"] = FeedItem(**(item | {"other_feeds": tuple(item["other_feeds"])}))
    draft = {name: value for name, value in draft.items() if name in _DRAFT_FIELDS}  # of a newer version
    return Original(
        inbox=row["inbox"],
        path=row["path"],
        position=row["position"],
        entry_id=row["entry_id"],
        article_id=row["article_id"],
        draft=Draft(**draft, keeps_source=bool(row["keeps_source"])),
        default_published=from_micros(row["dated"]),
        first_seen=from_micros(row["seen"]),
        edited=from_micros(row["edited"]) if row["edited"] is not None else None,
        packed=bytes(row["draft"]),
    )


def to_run(row: Mapping[Any, Any]) -> IngestRun:
    """Convert a row of `runs` to a Run."""
    counts = {name: row[name] for name in ("new", "changed", "same", "waiting", "failed", "merged", "split")}
    return IngestRun(
        trigger=row["trigger"],
        started=from_micros(row["started"]),
        finished=from_micros(row["finished"]) if row["finished"] is not None else None,
        error=row["error"],
        **counts,
    )
