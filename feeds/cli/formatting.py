"""What `feeds clean` says of an article: JSON Lines, a receipt, a diff. Pure: values in, text out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from pydantic import BaseModel

from feeds.cleaning.pack_schema import Rules
from feeds.model.articles import Cleaned, Receipt
from feeds.text import html_diff

if TYPE_CHECKING:
    from feeds.cleaning.tracking_lists import TrackingList


def json_line(file: str, cleaned: Cleaned) -> str:
    """One JSON object for an article, on one line."""
    article = cleaned.article
    return json.dumps(
        {
            "file": file,
            "id": article.id,
            "title": article.title,
            "link": article.link,
            "source": article.source.slug,
            "source_title": article.source.title,
            "authors": list(article.authors),
            "tags": list(article.tags),
            "published": article.published.isoformat(),
            "updated": article.updated.isoformat(),
            "language": article.language,
            "summary": article.summary,
            "content_html": article.html,
            "enclosures": [asdict(enclosure) for enclosure in article.enclosures],
            "receipt": receipt_list(cleaned.receipt),
        },
        ensure_ascii=False,
    )


def fragment_json_line(html: str, receipt: Receipt) -> str:
    """One JSON object for a cleaned fragment, on one line."""
    return json.dumps(
        {"file": "-", "content_html": html, "receipt": receipt_list(receipt)}, ensure_ascii=False
    )


def receipt_list(receipt: Receipt) -> list[dict[str, object]]:
    """The receipt as JSON has it: a list of {rule, count, samples}."""
    return [
        {"rule": change.rule, "count": change.count, "samples": list(change.samples)}
        for change in receipt.changes
    ]


def receipt_lines(receipt: Receipt) -> list[str]:
    """The receipt for people: a line for each rule, its samples indented below."""
    if not receipt.changes:
        return ["  nothing to clean"]
    lines = []
    for change in receipt.changes:
        lines.append(f"  {change.rule} × {change.count}")
        lines.extend(f"      {sample}" for sample in change.samples)
    return lines


def list_lines(parts: Sequence[TrackingList]) -> list[str]:
    """What each tracking list gives, and what of it is not for links."""
    lines = [f"tracking lists: {len(parts)}"] if parts else []
    for part in parts:
        lines.append(f"  {part.name}: {part.format}, {part.rule_count} rules")
        if part.left_out:
            why = ", ".join(f"{count} {reason}" for reason, count in part.left_out.items())
            lines.append(f"    left out: {why}")
        if part.unusable:
            lines.append(f"    cannot be used: {len(part.unusable)}, which `feeds check` names")
    return lines


def rule_lines(layers: Mapping[str, Rules]) -> list[str]:
    """What holds for a source, word by word, each entry with where it comes from."""
    lines = []
    for word in Rules.model_fields:
        entries = [
            f"  {entry}  [{name}]"
            for name, layer in layers.items()
            for entry in _entries(getattr(layer, word))
        ]
        if entries:
            lines += [f"{word}:", *entries]
    return lines


def _entries(value: object) -> list[str]:
    """One line for each thing that a word of the vocabulary says."""
    if isinstance(value, BaseModel):
        said = value.model_dump(exclude_defaults=True, by_alias=True)
        return [f"{key}: {entry}" for key, inner in said.items() for entry in _entries(inner)]
    if isinstance(value, dict):
        return [f"{key}: {', '.join(map(str, inner))}" for key, inner in value.items()]
    if isinstance(value, (tuple, list)):
        return [", ".join(_entries(entry)) if isinstance(entry, BaseModel) else str(entry) for entry in value]
    return [str(value)]


def diff_lines(before: str, after: str, name: str) -> list[str]:
    """A unified diff of a body before and after cleaning, cut into lines at its blocks."""
    old = [line.strip() for line in html_diff.split_lines(before)]
    new = [line.strip() for line in html_diff.split_lines(after)]
    found: list[str] = []
    for hunk in _Aligned(old, new).get_grouped_opcodes(1):
        first, last = hunk[0], hunk[-1]
        found.append(f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@")
        for kind, i, i_end, j, j_end in hunk:
            if kind == "equal":
                found += [f" {line}" for line in old[i:i_end]]
            else:
                found += [f"-{line}" for line in old[i:i_end]]
                found += [f"+{line}" for line in new[j:j_end]]
    return [f"--- {name} (original)", f"+++ {name} (cleaned)", *found] if found else []


class _Aligned(SequenceMatcher[str]):
    """Groups edits as difflib does; it aligns lines badly that stand again and again, as in tables."""

    def __init__(self, old: list[str], new: list[str]) -> None:
        super().__init__()
        self._edits = html_diff.find_edits(old, new)

    def get_opcodes(self) -> list[html_diff.Edit]:
        """Called by `get_grouped_opcodes`."""
        return self._edits


def _range(start: int, end: int) -> str:
    """The lines of a hunk as a unified diff names them."""
    size = end - start
    return f"{start + 1}" if size == 1 else f"{start + 1 if size else start},{size}"
