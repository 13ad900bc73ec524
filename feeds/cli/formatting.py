"""Format articles, receipts, rules and diffs as text for the terminal.

Pure: values in, text out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from pydantic import BaseModel

from feeds.cleaning.pack_schema import Rules
from feeds.model.articles import CleanedArticle, Receipt
from feeds.text import html_diff

if TYPE_CHECKING:
    from feeds.cleaning.tracking_lists import TrackingList


def format_article(file: str, cleaned: CleanedArticle) -> str:
    """Format an article and its receipt as one JSON object on one line."""
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
            "receipt": _changes(cleaned.receipt),
        },
        ensure_ascii=False,
    )


def format_fragment(html: str, receipt: Receipt) -> str:
    """Format a cleaned fragment and its receipt as one JSON object on one line."""
    return json.dumps({"file": "-", "content_html": html, "receipt": _changes(receipt)}, ensure_ascii=False)


def _changes(receipt: Receipt) -> list[dict[str, object]]:
    """Return the changes of a receipt as JSON objects: {rule, count, samples}."""
    return [
        {"rule": change.rule, "count": change.count, "samples": list(change.samples)}
        for change in receipt.changes
    ]


def format_receipt(receipt: Receipt) -> list[str]:
    """Format a receipt for people: a line for each rule, its samples indented below."""
    if not receipt.changes:
        return ["  nothing to clean"]
    lines = []
    for change in receipt.changes:
        lines.append(f"  {change.rule} × {change.count}")
        lines.extend(f"      {sample}" for sample in change.samples)
    return lines


def format_tracking_lists(tracking_lists: Sequence[TrackingList]) -> list[str]:
    """Describe tracking lists with the number of their rules.

    Rules that were left out or cannot be used are counted too. Returns no lines if there are no lists.
    """
    lines = [f"tracking lists: {len(tracking_lists)}"] if tracking_lists else []
    for tracking_list in tracking_lists:
        lines.append(f"  {tracking_list.name}: {tracking_list.format}, {tracking_list.rule_count} rules")
        if tracking_list.left_out:
            why = ", ".join(f"{count} {reason}" for reason, count in tracking_list.left_out.items())
            lines.append(f"    left out: {why}")
        if tracking_list.unusable:
            lines.append(f"    cannot be used: {len(tracking_list.unusable)}, which `feeds check` names")
    return lines


def format_rules(layers: Mapping[str, Rules]) -> list[str]:
    """Format the rules of all layers, key by key, as lines `entry  [layer]`."""
    lines = []
    for key in Rules.model_fields:
        entries = [
            f"  {entry}  [{name}]"
            for name, layer in layers.items()
            for entry in _entries(getattr(layer, key))
        ]
        if entries:
            lines += [f"{key}:", *entries]
    return lines


def _entries(value: object) -> list[str]:
    """Format the value of a key of a pack, one line for each of its entries."""
    if isinstance(value, BaseModel):
        fields = value.model_dump(exclude_defaults=True, by_alias=True)
        return [f"{key}: {entry}" for key, inner in fields.items() for entry in _entries(inner)]
    if isinstance(value, dict):
        return [f"{key}: {', '.join(map(str, inner))}" for key, inner in value.items()]
    if isinstance(value, (tuple, list)):
        return [", ".join(_entries(entry)) if isinstance(entry, BaseModel) else str(entry) for entry in value]
    return [str(value)]


def format_diff(before: str, after: str, name: str) -> list[str]:
    """Format a unified diff of a body before and after cleaning.

    Each block of HTML begins a line. Returns no lines if nothing differs.
    """
    old = [line.strip() for line in html_diff.split_lines(before)]
    new = [line.strip() for line in html_diff.split_lines(after)]
    lines: list[str] = []
    for hunk in _LineMatcher(old, new).get_grouped_opcodes(1):
        first, last = hunk[0], hunk[-1]
        lines.append(f"@@ -{_hunk_range(first[1], last[2])} +{_hunk_range(first[3], last[4])} @@")
        for kind, i, i_end, j, j_end in hunk:
            if kind == "equal":
                lines += [f" {line}" for line in old[i:i_end]]
            else:
                lines += [f"-{line}" for line in old[i:i_end]]
                lines += [f"+{line}" for line in new[j:j_end]]
    return [f"--- {name} (original)", f"+++ {name} (cleaned)", *lines] if lines else []


class _LineMatcher(SequenceMatcher[str]):
    """Groups the edits of `html_diff` into hunks.

    difflib itself aligns repeated lines badly, as in tables.
    """

    def __init__(self, old: list[str], new: list[str]) -> None:
        super().__init__()
        self._edits = html_diff.find_edits(old, new)

    def get_opcodes(self) -> list[html_diff.Edit]:
        """Return the edits. Called by `get_grouped_opcodes`."""
        return self._edits


def _hunk_range(start: int, end: int) -> str:
    """Format the first line and the number of lines of a hunk, for its `@@` line."""
    size = end - start
    return f"{start + 1}" if size == 1 else f"{start + 1 if size else start},{size}"
