"""Values to rows and back: what stands in the tables' JSON and time columns. Pure."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any

from feeds.model.articles import (
    EPOCH,
    Article,
    Change,
    Cleaned,
    Draft,
    Enclosure,
    Original,
    Receipt,
    Source,
)
from feeds.model.runs import Run

_MICROSECOND = timedelta(microseconds=1)
_DAY = 86_400_000_000
_BEFORE_1970 = 719_162 * _DAY  # no number that is divided is negative: databases round those their way
_LEVEL = 1  # of deflating: the next ones save little and cost more than all else that storing does


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The moment, in UTC."""
    return EPOCH + timedelta(microseconds=micros)


def day(micros: Any) -> Any:
    """The day of a moment in UTC as its ordinal (`date.fromordinal`); of a column, in the database."""
    return (micros + _BEFORE_1970) // _DAY + 1


def week(micros: Any) -> Any:
    """The week of a moment, Mondays to Sundays in UTC, counted from that of 0001-01-01; of a column too."""
    return (micros + _BEFORE_1970) // (7 * _DAY)


def monday(week: int) -> date:
    """The day on which a week begins."""
    return date.fromordinal(7 * week + 1)


def week_of(monday: date) -> int:
    """The week in which a day is."""
    return (monday.toordinal() - 1) // 7


def first_micros(week: int) -> int:
    """The moment at which a week begins."""
    return 7 * _DAY * week - _BEFORE_1970


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass by name; unlike `asdict` it copies nothing."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def entry_row(cleaned: Cleaned) -> dict[str, Any]:
    """An article as a row of `entries`; its digest covers everything that a feed shows."""
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
                "enclosures": [_fields(enclosure) for enclosure in article.enclosures],
                "also_in": article.also_in,
            }
        ),
    }
    row["digest"] = hashlib.blake2b(_json(row).encode(), digest_size=16).hexdigest()
    row["receipt"] = _json([_fields(change) for change in cleaned.receipt.changes])
    row["recipe"] = cleaned.recipe
    return row


def cleaning_row(cleaned: Cleaned) -> dict[str, Any]:
    """What cleaning did to an article as a row of `cleanings`; a database can string its texts together."""
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


def article(row: Mapping[Any, Any], source: Source) -> Article:
    """A row of `entries` as an article."""
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
        enclosures=tuple(Enclosure(**enclosure) for enclosure in extra["enclosures"]),
        also_in=tuple(extra.get("also_in", ())),
    )


def source_row(source: Source) -> dict[str, Any]:
    """A source as a row of `sources`."""
    return _fields(source)


def receipt(text: str) -> Receipt:
    """The `receipt` column as a Receipt."""
    changes = json.loads(text)
    return Receipt(
        changes=tuple(
            Change(rule=change["rule"], count=change["count"], samples=tuple(change["samples"]))
            for change in changes
        )
    )


def packed(draft: Draft) -> bytes:
    """A draft as it is kept: deflated JSON."""
    fields = _fields(draft)
    fields["enclosures"] = [_fields(enclosure) for enclosure in draft.enclosures]
    for name in ("published", "updated"):
        fields[name] = fields[name].isoformat() if fields[name] else None
    return zlib.compress(_json(fields).encode(), _LEVEL)


def original_row(original: Original) -> dict[str, Any]:
    """An original as a row of `originals`."""
    return {
        "inbox": original.inbox,
        "path": original.path,
        "position": original.position,
        "entry_id": original.entry_id,
        "draft": original.packed or packed(original.draft),
        "dated": to_micros(original.default_published),
        "seen": to_micros(original.first_seen),
        "edited": to_micros(original.edited) if original.edited else None,
    }


def original(row: Mapping[Any, Any]) -> Original:
    """A row of `originals` as an Original."""
    draft = json.loads(zlib.decompress(row["draft"]))
    for name in ("published", "updated"):
        draft[name] = datetime.fromisoformat(draft[name]) if draft[name] else None
    draft["enclosures"] = tuple(Enclosure(**enclosure) for enclosure in draft["enclosures"])
    draft["authors"], draft["tags"] = tuple(draft["authors"]), tuple(draft["tags"])
    return Original(
        inbox=row["inbox"],
        path=row["path"],
        position=row["position"],
        entry_id=row["entry_id"],
        draft=Draft(**draft),
        default_published=from_micros(row["dated"]),
        first_seen=from_micros(row["seen"]),
        edited=from_micros(row["edited"]) if row["edited"] is not None else None,
        packed=bytes(row["draft"]),
    )


def run(row: Mapping[Any, Any]) -> Run:
    """A row of `runs` as a Run."""
    counts = {name: row[name] for name in ("new", "changed", "same", "waiting", "failed")}
    return Run(
        trigger=row["trigger"],
        started=from_micros(row["started"]),
        finished=from_micros(row["finished"]) if row["finished"] is not None else None,
        error=row["error"],
        **counts,
    )
