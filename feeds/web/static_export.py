"""Export the feeds and pages as files, for a web server of static files.

The export is a crawler: it requests the home page and the list of feeds from the application, and then
every URL of this site that the responses link to. So a file has the bytes of the response, and each URL
without a query is written once.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

from flask import Flask
from werkzeug.exceptions import HTTPException

from feeds.config import Config
from feeds.ingest import private_names
from feeds.model.errors import FeedsError
from feeds.publishing.access import AccessReader
from feeds.publishing.formats import WRITERS
from feeds.storage.store import Store
from feeds.web import create_app

log = logging.getLogger(__name__)

MANIFEST = ".feeds-export.json"
"""The file with the paths and digests of all exported files.

A later export may remove them.
"""
JOURNAL = ".feeds-export.journal"
"""The file with what an export has written so far.

It remains only if the export was killed.
"""

_START_PATHS = ("/", "/feeds.opml", "/robots.txt")
# Without a base URL all documents are rendered with this one, which is then made relative to each file.
_EXPORTED_ENDPOINTS = frozenset(
    {"static", "feeds.feed", "feeds.archive", "feeds.feed_list", "feeds.favicon"}
    | {"pages.home", "pages.feed", "pages.archive", "pages.article", "pages.qr", "pages.robots"}
)
"""Routes whose answers depend on nothing but the articles. All others need a server."""
_VOID_ELEMENTS = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_PLACEHOLDER_URL = "http://feeds.invalid"
_FOLLOWED_RELATIONS = {"prev-archive", "next-archive", "current", "next", "previous", "icon"}
_PART_SUFFIX = ".feeds-part"
_MAX_STALE_SECONDS = 1.0  # otherwise each request would query the database for a newer state


class ExportError(FeedsError):
    """There is nothing to export, or the folder cannot be written."""


@dataclass(slots=True)
class ExportResult:
    """The numbers of files that an export wrote, left unchanged and removed."""

    written: int = 0
    same: int = 0
    removed: int = 0
    kept: list[str] = field(default_factory=list)
    """Paths of files that are no longer served, but were changed by somebody and so are not removed."""


def export(config: Config, store: Store, folder: Path, base_url: str = "") -> ExportResult:
    """Write everything public into a folder.

    Files that have the right content already are not touched. URLs start with `base_url`, else with the
    configured base URL, else they are relative. A file is written completely or not at all. Files of earlier
    exports that are no longer served are removed, unless somebody changed them. Raises ExportError,
    StoreError, and ConfigError if a name in `private` does not exist.
    """
    private_names.verify(config, store)
    base = base_url or config.base_url
    if not AccessReader(config, store).now().is_split:
        raise ExportError("`private` has changed since the last run; run `feeds ingest` first")
    files = _files(config.model_copy(update={"base_url": base or _PLACEHOLDER_URL}), store)
    if not base:
        files = ((path, _make_relative(path, body)) for path, body in files)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder):
            return _write(folder, files)
    except OSError as error:
        raise ExportError(f"{error.filename or folder}: {error.strerror}") from error


# -- requests ----------------------------------------------------------------------------------------------


def _files(config: Config, store: Store) -> Iterator[tuple[str, bytes]]:
    """Yield the path and content of every file.

    The start pages come last, when all files that they link to exist.
    """
    app = create_app(config, store, max_stale_seconds=_MAX_STALE_SECONDS)
    app.config["FEEDS_STATIC"] = "relative" if config.base_url == _PLACEHOLDER_URL else "absolute"
    client = app.test_client()
    base = config.base_url
    static = Path(app.static_folder or "")
    static_files = sorted(
        f"/static/{file.relative_to(static).as_posix()}" for file in static.rglob("*") if file.is_file()
    )
    queue = deque([*_START_PATHS, *static_files])
    seen, start_files = set(queue), []
    while queue:
        path = queue.popleft()
        with client.get(path.removesuffix(".html")) as response:
            status, media_type, body = response.status_code, response.mimetype or "", response.data
        if status == 503:
            raise ExportError("nothing has been read yet; run `feeds ingest` first")
        if status == 401 and path in _START_PATHS:
            raise ExportError(
                "every feed is private in the configuration (`private`), and an export is public"
            )
        if status != 200:
            log.log(logging.WARNING if path in _START_PATHS else logging.DEBUG, "%s: %d", path, status)
            continue
        for link in _followed_links(media_type, body):
            split = urlsplit(urljoin(f"{base}{path}", link))
            target = split._replace(query="", fragment="").geturl()
            target_path = target.removeprefix(base)
            # A file cannot depend on a query. The query of a static file is only its version.
            is_static = not split.query or target_path.startswith("/static/")
            if (
                target.startswith(f"{base}/")
                and is_static
                and target_path not in seen
                and _is_exported(app, target_path)
            ):
                seen.add(target_path)
                queue.append(target_path)
        if file := _file_path(path, media_type):
            if path in _START_PATHS:
                start_files.append((file, body))
            else:
                yield file, body
    yield from reversed(start_files)


def _file_path(path: str, media_type: str) -> str:
    """Return the file for a URL path; empty if a file cannot have that name."""
    name = unquote(path).removeprefix("/")
    if name.endswith("/") or not name:
        return f"{name}index.html" if media_type == "text/html" else ""
    if media_type == "text/html" and not name.endswith(".html"):
        name += ".html"
    return name if _is_inside(name) else ""


def _followed_links(media_type: str, body: bytes) -> Iterator[str]:
    """Yield the links of a document to other documents of the site.

    The links in the articles of a feed are left out.
    """
    if media_type == "text/html":
        page = _LinkParser()
        page.feed(body.decode())
        yield from page.links
    elif media_type == "application/feed+json":
        yield from filter(None, (json.loads(body).get(key) for key in ("next_url", "icon", "favicon")))
    elif media_type == "text/x-opml":
        for outline in ElementTree.fromstring(body).iter("outline"):
            path = outline.get("xmlUrl", "").removesuffix(".rss")
            yield from (f"{path}.{suffix}" for suffix in WRITERS)
    elif media_type in ("application/rss+xml", "application/atom+xml"):
        head = body[:2000].decode(errors="replace")
        yield from re.findall(r'<\?xml-stylesheet [^>]{0,500}?href="([^"]{1,500})"', head)
        root = ElementTree.fromstring(body)
        for parent in (root, root.find("channel")):
            for child in parent if parent is not None else ():
                name = child.tag.rpartition("}")[2]
                if name == "link" and child.get("rel") in _FOLLOWED_RELATIONS:
                    yield child.get("href", "")
                elif name in ("icon", "logo"):
                    yield child.text or ""
                elif name == "image":
                    yield child.findtext("url", "")


class _LinkParser(HTMLParser):
    """Collects the links of a page of this application, without those in the bodies of articles.

    A publisher decides what is in a body. The pages close every element that they open.
    """

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self._depth = 0
        """Number of open elements, within the body of an article; 0 elsewhere."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the links of an element outside of bodies.

        Called by HTMLParser.
        """
        if self._depth or ("class", "body") in attrs:
            self._depth += tag not in _VOID_ELEMENTS
        else:
            self.links += [value for name, value in attrs if name in ("href", "src") and value]

    def handle_endtag(self, tag: str) -> None:
        """Count the open elements of a body.

        Called by HTMLParser.
        """
        if self._depth and tag not in _VOID_ELEMENTS:
            self._depth -= 1


def _is_exported(app: Flask, path: str) -> bool:
    """Return whether an export contains the page or file at a path. Its route decides, not the link to it."""
    try:
        endpoint, _ = app.url_map.bind("localhost").match(unquote(path).removesuffix(".html"), method="GET")
    except HTTPException:
        return False
    return endpoint in _EXPORTED_ENDPOINTS


def _make_relative(path: str, body: bytes) -> bytes:
    """Make the URLs of the site relative to the file that contains them."""
    up = "/".join([".."] * path.count("/")) or "."
    return body.replace(_PLACEHOLDER_URL.encode(), up.encode())


# -- files -------------------------------------------------------------------------------------------------


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, so that one export at a time writes into it."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def _write(folder: Path, files: Iterable[tuple[str, bytes]]) -> ExportResult:
    result = ExportResult()
    before, digests = _read_manifest(folder), {}
    # Even if the export is killed, each file that it wrote is in the manifest or in the journal.
    with (folder / JOURNAL).open("a", encoding="utf-8") as journal:
        for path, body in files:
            digests[path] = hashlib.sha256(body).hexdigest()
            target = folder / path
            if not target.is_symlink() and target.is_file() and target.read_bytes() == body:
                result.same += 1
                continue
            journal.write(json.dumps([path, digests[path]]) + "\n")
            journal.flush()
            _write_file(target, body)
            result.written += 1
    changed_by_others = {}
    for path in sorted(before.keys() - digests.keys()):
        target = folder / path
        if target.is_symlink() or not target.is_file():
            continue
        if hashlib.sha256(target.read_bytes()).hexdigest() not in before[path]:
            result.kept.append(path)
            changed_by_others[path] = before[path][0]
            continue
        target.unlink()
        result.removed += 1
        for parent in list(PurePosixPath(path).parents)[:-1]:
            with suppress(OSError):  # the folder contains other files
                (folder / parent).rmdir()
    manifest = (
        json.dumps(digests | changed_by_others, indent=0, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    )
    if not (folder / MANIFEST).is_file() or (folder / MANIFEST).read_bytes() != manifest:
        _write_file(folder / MANIFEST, manifest)
    (folder / JOURNAL).unlink()
    return result


def _write_file(target: Path, body: bytes) -> None:
    """Write a file beside its target and rename it.

    The target always has the old or the new content, never a part of it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}{_PART_SUFFIX}")
    part.unlink(missing_ok=True)  # left by a killed export, or a symlink to another place
    with part.open("xb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    part.replace(target)


def _read_manifest(folder: Path) -> dict[str, list[str]]:
    """Return the digests of the files of earlier exports, by path.

    They are in the manifest, and in the journal of an export that was killed. Paths that lead out of the
    folder are ignored. Raises ExportError if the manifest cannot be parsed.
    """
    digests: dict[str, list[str]] = {}
    for name in (MANIFEST, JOURNAL):
        try:
            text = (folder / name).read_text(encoding="utf-8")
            pairs = json.loads(text).items() if name == MANIFEST else map(json.loads, text.splitlines())
            for path, digest in pairs:
                if _is_inside(path):
                    digests.setdefault(path, []).append(str(digest))
        except FileNotFoundError:
            continue
        except (ValueError, TypeError, AttributeError) as error:
            if name == JOURNAL:  # the export was killed while it wrote the last line
                continue
            raise ExportError(f"{folder / name}: not written by an export: {error}") from error
    return digests


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\0" not in path
