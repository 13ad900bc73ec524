"""The house of docs/design.md, as a table over the imports that really stand in the files."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "feeds"

# Each part of the package, and which others it may import. A room is one part.
# fmt: off
MAY_IMPORT: dict[str, set[str]] = {
    "": set(),
    "__main__": {"cli"},
    "model": set(),
    "text": set(),
    "filenames": set(),
    "times": set(),
    "urls": set(),
    "wrapped": set(),
    "identity": set(),
    "yamlfile": {"model"},
    "vocabulary": set(),
    "recipe": {"url_tracking", "url_wrappers", "vocabulary"},
    "catalogue": {"lists", "model", "recipe", "url_wrappers", "urls", "vocabulary"},
    "lists": {"model", "url_wrappers", "urls"},
    "readers": {"model", "text", "times", "urls"},
    "rules": {"model", "recipe", "text", "times", "url_tracking", "url_wrappers", "urls"},
    "writers": {"model"},
    "language": set(),
    "tally": {"model", "urls"},
    "sums": {"model", "tally"},
    "clean": {
        "identity", "language", "limits", "model", "recipe", "rules", "sanitizer", "tally", "text",
        "url_tracking", "url_wrappers", "urls",
    },
    "sanitizer": {"rules", "urls"},
    "merge": {"model", "text"},
    "steps": {"clean", "limits", "model", "recipe", "rules"},
    "inert": {"limits", "model", "rules", "sanitizer", "text", "urls"},
    "changes": set(),
    "trial": {"catalogue", "clean", "model", "readers", "recipe", "steps"},
    "report": {"changes", "lists", "model", "vocabulary"},
    "rows": {"model"},
    "tables": set(),
    "arrays": set(),
    "connecting": {"arrays", "model"},
    "database": {"connecting", "migrations", "model", "tables"},
    "health": {"model", "status"},
    "vitals": {"addresses", "batch", "database", "index", "model", "rows", "status", "tables"},
    "search": set(),
    "filters": {"model", "search"},
    "periods": {"filters"},
    "index": {"arrays", "model", "search", "tables"},
    "batch": {"database", "index", "model", "rows", "search", "tables"},
    "selection": {"batch", "database", "filters", "index", "model", "rows", "tables"},
    "history": {"database", "model", "rows", "tables"},
    "store": {"batch", "database", "history", "index", "model", "rows", "search", "selection", "tables"},
    "settings": {
        "audiences", "catalogue", "filters", "intervals", "places", "rules", "subscriptions", "vocabulary",
        "yamlfile",
    },
    "environment": {"model", "settings", "yamlfile"},
    "config": {
        "catalogue", "environment", "filters", "lists", "model", "places", "settings", "subscriptions",
        "upstream", "vocabulary", "yamlfile",
    },
    "documents": {"database", "filenames", "rows", "tables"},
    "inboxes": {"documents", "filenames", "gitaddress", "model", "places", "readers"},
    "migrations": {"model", "tables"},
    "audiences": {"catalogue", "identity", "model"},
    "cleaner": {"audiences", "catalogue", "clean", "libraries", "merge", "model", "rules", "tally"},
    "libraries": set(),
    "posting": {
        "config", "documents", "filenames", "identity", "inbox_names", "inboxes", "ingest", "model",
        "readers", "store", "text",
    },
    "intake": {
        "addresses", "audiences", "cleaner", "filenames", "identity", "inboxes", "merge", "model", "readers",
        "rows", "store", "tasks", "text",
    },
    "reclean": {"audiences", "cleaner", "merge", "model", "store", "tasks", "workforce"},
    "ingest": {
        "catalogue", "cleaner", "inboxes", "intake", "model", "readers", "reclean", "store", "tasks",
        "workforce",
    },
    "tasks": {"addresses", "cleaner", "filenames", "identity", "merge", "model", "readers", "rows", "search"},
    "crews": {"model"},
    "workforce": {
        "", "cleaner", "crews", "libraries", "model", "readers", "rules", "search", "tally", "tasks",
    },
    "moving": {"catalogue", "filenames", "identity", "ingest", "model", "reclean", "store", "yamlfile"},
    "inspect": {
        "clean", "cleaner", "config", "filenames", "model", "readers", "recipe", "report", "urls",
        "yamlfile",
    },
    "pushqueue": {"batch", "database", "filters", "rows", "selection", "tables"},
    "privacy": {"audiences", "catalogue", "config", "model"},
    "privatenames": {"audiences", "catalogue", "config", "model", "settings", "store", "yamlfile"},
    "push": {
        "batch", "catalogue", "config", "database", "filters", "form_post", "model", "privacy", "pushqueue",
        "times", "writers",
    },
    "tokens": {"database", "rows", "tables"},
    "backup": {"batch", "database", "index", "migrations", "model", "search", "tables"},
    "opening": {"config", "model", "store"},
    "backupverbs": {"backup", "config", "database", "opening"},
    "logs": {"config", "masking"},
    "tokenverbs": {"config", "database", "filenames", "opening", "privacy", "store", "tokens"},
    "bulkverbs": {
        "config", "crews", "factory", "filenames", "ingest", "logs", "model", "moving", "opening",
        "privatenames", "push", "server", "settings", "store",
    },
    "masking": set(),
    "addresses": set(),
    "reach": set(),
    "outbound": {"model", "reach"},
    "outlines": {"model", "readers", "text"},
    "subscriptions": {"addresses", "intervals", "model", "outlines", "reach", "upstream", "yamlfile"},
    "polling": set(),
    "upstreamstates": {"database", "filenames", "inbox_names", "rows", "tables"},
    "upstreams": {
        "addresses", "database", "documents", "fetch", "inbox_names", "model", "polling", "reach", "readers",
        "text", "upstream", "upstreamstates",
    },
    "upstreamreport": {"addresses", "config", "database", "upstream", "upstreamstates"},
    "subscriptionverbs": {
        "addresses", "config", "factory", "filenames", "logs", "opening", "reach", "server", "store",
        "subscriptions", "upstreamreport", "upstreams",
    },
    "fetch": {"", "addresses", "model", "outbound", "reach", "times"},
    "intervals": set(),
    "gitaddress": set(),
    "places": {"gitaddress", "inbox_names", "yamlfile"},
    "export": {"config", "model", "privatenames", "store", "web", "writers"},
    "schedule": {"config", "filenames", "ingest", "jumps", "model", "push", "reach", "store", "upstreams"},
    "jumps": set(),
    "factory": {
        "config", "connecting", "database", "documents", "filenames", "inboxes", "ingest", "model", "places",
        "privatenames", "store", "workforce",
    },
    "server": {
        "config", "connecting", "database", "documents", "factory", "filenames", "inbox_names", "inboxes",
        "ingest", "logs", "model", "privatenames", "schedule", "store", "web", "workforce",
    },
    "web": {
        "", "audiences", "batch", "catalogue", "changes", "config", "filenames", "filters", "health", "inert",
        "intervals", "model", "periods", "posting", "privacy", "push", "selection", "settings", "status",
        "steps", "store", "sums", "tally", "text", "tokens", "trial", "urls", "vitals", "writers",
    },
    "cli": {
        "", "backupverbs", "bulkverbs", "config", "database", "export", "factory", "filenames", "inboxes",
        "ingest", "inspect", "logs", "model", "moving", "opening", "privatenames", "push", "report",
        "schedule",
        "server", "store", "subscriptionverbs", "tables", "tokenverbs", "upstreamreport",
    },
    "url_tracking": {"urls"},
    "url_wrappers": {"urls", "wrapped"},
    "status": {"model"},
    "limits": {"model", "text"},
    "inbox_names": set(),
    "upstream": {"addresses"},
    "form_post": {"", "model"},
}
# fmt: on

# Parts that do no I/O and read no clock: what of the standard library would let them.
PURE = {
    "model", "text", "filenames", "times", "urls", "wrapped", "lists", "identity", "yamlfile", "vocabulary",
        "addresses", "audiences", "catalogue", "changes", "clean", "cleaner", "environment", "filters",
        "gitaddress", "inbox_names", "inert", "inflate", "language", "limits", "merge", "outlines",
        "periods", "polling", "reach", "readers", "recipe", "report", "rows", "rules", "sanitizer",
        "search", "status", "steps", "tasks", "trial", "upstream", "url_tracking", "url_wrappers",
        "writers",
}  # fmt: skip
WORLDLY = {
    "os",
    "pathlib",
    "socket",
    "subprocess",
    "time",
    "random",
    "tempfile",
    "shutil",
    "glob",
    "io",
    "requests",
}
# What of it a part may have all the same: parsers that take only file objects get their bytes in one.
IN_MEMORY = {"readers": {"io"}}
WORLDLY_CALLS = {"open", "print", "input", "now", "utcnow", "today", "time"}

# Libraries that stay behind a door, and who may open it.
DOORS = {
    "turbohtml": {"clean", "limits", "inert", "language", "rules", "steps", "vocabulary", "readers"},
    "nh3": {"inert", "sanitizer"},
    "re2": {"lists"},
    "feedgen": {"writers"},
    "lxml": {"writers"},
    "requests": {"fetch", "form_post", "outbound"},
    "urllib3": {"fetch", "outbound"},
    "brotli": {"web"},
    "sqlalchemy": {
        "arrays",
        "backup",
        "batch",
        "connecting",
        "database",
        "documents",
        "history",
        "index",
        "migrations",
        "pushqueue",
        "selection",
        "store",
        "tables",
        "tokens",
        "upstreamstates",
        "vitals",
    },
    "bs4": {"readers"},
    "cachetools": {"web"},
    "distributed": {"crews"},
    "flask": {"web"},
    "gunicorn": {"server"},
    "feedparser": {"readers"},
    "markdown_it": {"readers"},
    "mdit_py_plugins": {"readers"},
    "tarfile": {"readers"},
    "zipfile": {"readers"},
    "alembic": {"migrations"},
    "fsspec": {"inboxes"},
    "s3fs": {"inboxes"},
    "apscheduler": {"schedule", "intervals"},
    "click": {"cli", "subscriptionverbs", "tokenverbs", "bulkverbs", "backupverbs"},
    "prometheus_client": {"web"},
    "rich": {"bulkverbs"},
}


def part_of(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


FILES = sorted(ROOT.rglob("*.py"))
PARTS = sorted({part_of(path) for path in FILES})


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it, `feeds.x` by its part."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            if node.module == "feeds":
                found.update(f"feeds.{alias.name}" for alias in node.names)
            else:
                found.add(node.module)
    return found


def own(path: Path) -> set[str]:
    parts = {name.split(".")[1] for name in imports(path) if name.startswith("feeds.")}
    return {"" if part == "__version__" else part for part in parts} - {part_of(path)}


def foreign(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path) if not name.startswith("feeds")}


def test_the_table_names_every_part() -> None:
    assert set(PARTS) == set(MAY_IMPORT)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_imports_only_what_the_table_allows(part: str) -> None:
    imported = set().union(*(own(path) for path in FILES if part_of(path) == part))
    assert imported <= MAY_IMPORT[part]


@pytest.mark.parametrize("part", PARTS)
def test_the_table_allows_nothing_that_nobody_needs(part: str) -> None:
    imported = set().union(*(own(path) for path in FILES if part_of(path) == part))
    assert MAY_IMPORT[part] <= imported


@pytest.mark.parametrize("part", sorted(PURE))
def test_a_pure_part_does_not_touch_the_world(part: str) -> None:
    for path in (path for path in FILES if part_of(path) == part):
        assert not (foreign(path) & WORLDLY) - IN_MEMORY.get(part, set()), path
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func
                name = called.id if isinstance(called, ast.Name) else ""
                if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
                    name = called.attr if called.value.id in ("datetime", "date", "time") else ""
                assert name not in WORLDLY_CALLS, f"{path}:{node.lineno}: {name}()"


@pytest.mark.parametrize("library", sorted(DOORS))
def test_a_library_stays_behind_its_door(library: str) -> None:
    users = {part_of(path) for path in FILES if library in foreign(path)}
    assert users <= DOORS[library]


def test_no_file_has_grown_to_two() -> None:
    for path in FILES:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 420, path
