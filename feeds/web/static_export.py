"""The feeds as files, for a host that serves nothing else: what the application answers, written down.

It is asked like a visitor asks: from the home page, the list of feeds and what they lead to at this site. So
whatever is served under an address of its own is written, by what it is, and nothing is rendered twice.
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

from feeds.config import Config
from feeds.ingest import private_names
from feeds.model.errors import FeedsError
from feeds.publishing.access import AccessReader
from feeds.publishing.formats import WRITERS
from feeds.storage.store import Store
from feeds.web import create_app

log = logging.getLogger(__name__)

MANIFEST = ".feeds-export.json"
"""What an export wrote, with digests: what a later one may take away."""
JOURNAL = ".feeds-export.journal"
"""What an export has written so far; there only while it runs, or where it was killed."""

_STARTS = ("/", "/feeds.opml", "/robots.txt")
# Where every link of a document starts while there is no address: what follows is made relative to each file.
_NOWHERE = "http://feeds.invalid"
_LEADS_ON = {"prev-archive", "next-archive", "current", "next", "previous", "icon"}
_PART = ".feeds-part"
_SECONDS_BEHIND = 1.0  # so that not every document asks again whether an ingest goes on meanwhile


class ExportError(FeedsError):
    """Nothing can be exported, or not there."""


@dataclass(slots=True)
class Exported:
    """What an export did, in files."""

    written: int = 0
    same: int = 0
    removed: int = 0
    left: list[str] = field(default_factory=list)
    """Files of feeds that are gone, which somebody changed since they were written, and so stay."""


def export(config: Config, store: Store, folder: Path, base_url: str = "") -> Exported:
    """Write everything that is public into a folder; files that are the same already are not touched.

    Addresses start with `base_url`, else with the configured one, else they are relative. Each file is there
    whole or not at all, and one that an export wrote and that is served no more is removed.
    Raises ExportError, StoreError, and ConfigError where `private` has a name that nothing has.
    """
    private_names.verify(config, store)
    base = base_url or config.base_url
    if not AccessReader(config, store).now().is_parted:
        raise ExportError("`private` has changed since the last run: `feeds ingest` first")
    files = _files(config.model_copy(update={"base_url": base or _NOWHERE}), store)
    if not base:
        files = ((path, _relative(path, body)) for path, body in files)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            return _write(folder, files)
    except OSError as error:
        raise ExportError(f"{error.filename or folder}: {error.strerror}") from error


# -- asking -----------------------------------------------------------------------------------------------


def _files(config: Config, store: Store) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file; the list and the home page, which lead to the others, after them."""
    app = create_app(config, store, seconds=_SECONDS_BEHIND)
    app.config["FEEDS_STATIC"] = "relative" if config.base_url == _NOWHERE else "absolute"
    client = app.test_client()
    base = config.base_url
    static = Path(app.static_folder or "")
    found = sorted(f"/static/{file.relative_to(static).as_posix()}" for file in static.rglob("*"))
    queue = deque([*_STARTS, *(path for path in found if (static / path.removeprefix("/static/")).is_file())])
    seen, last = set(queue), []
    while queue:
        path = queue.popleft()
        with client.get(path.removesuffix(".html")) as answer:
            status, kind, body = answer.status_code, answer.mimetype or "", answer.data
        if status == 503:
            raise ExportError("nothing has been read yet: `feeds ingest` first")
        if status == 401 and path in _STARTS:
            raise ExportError("every feed is private as configured (`private`), and an export is public")
        if status != 200:
            log.log(logging.WARNING if path in _STARTS else logging.DEBUG, "%s: %d", path, status)
            continue
        for address in _leads_to(kind, body):
            split = urlsplit(urljoin(f"{base}{path}", address))
            target = split._replace(query="", fragment="").geturl()
            on = target.removeprefix(base)
            # What has a query is a question that no file answers; a stylesheet's is its version.
            plain = not split.query or on.startswith("/static/")
            if target.startswith(f"{base}/") and plain and on not in seen:
                seen.add(on)
                queue.append(on)
        if file := _file_of(path, kind):
            if path in _STARTS:
                last.append((file, body))
            else:
                yield file, body
    yield from reversed(last)


def _file_of(path: str, kind: str) -> str:
    """Where the answer at a path is written; empty for one that no file can stand for."""
    name = unquote(path).removeprefix("/")
    if name.endswith("/") or not name:
        return f"{name}index.html" if kind == "text/html" else ""
    if kind == "text/html" and not name.endswith(".html"):
        name += ".html"
    return name if _is_below(name) else ""


def _leads_to(kind: str, body: bytes) -> Iterator[str]:
    """The addresses of this site that a document leads to by what it is, not by what articles in it say."""
    if kind == "text/html":
        page = _Links()
        page.feed(body.decode())
        yield from page.found
    elif kind == "application/feed+json":
        yield from filter(None, (json.loads(body).get(key) for key in ("next_url", "icon", "favicon")))
    elif kind == "text/x-opml":
        for outline in ElementTree.fromstring(body).iter("outline"):
            path = outline.get("xmlUrl", "").removesuffix(".rss")
            yield from (f"{path}.{suffix}" for suffix in WRITERS)
    elif kind in ("application/rss+xml", "application/atom+xml"):
        head = body[:2000].decode(errors="replace")
        yield from re.findall(r'<\?xml-stylesheet [^>]{0,500}?href="([^"]{1,500})"', head)
        root = ElementTree.fromstring(body)
        for parent in (root, root.find("channel")):
            for child in parent if parent is not None else ():
                name = child.tag.rpartition("}")[2]
                if name == "link" and child.get("rel") in _LEADS_ON:
                    yield child.get("href", "")
                elif name in ("icon", "logo"):
                    yield child.text or ""
                elif name == "image":
                    yield child.findtext("url", "")


class _Links(HTMLParser):
    """The links of a page of this application."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


def _relative(path: str, body: bytes) -> bytes:
    """The document with its site's addresses relative to where it lies."""
    up = "/".join([".."] * path.count("/")) or "."
    return body.replace(_NOWHERE.encode(), up.encode())


# -- writing ----------------------------------------------------------------------------------------------


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One export into a folder at a time."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def _write(folder: Path, files: Iterable[tuple[str, bytes]]) -> Exported:
    done = Exported()
    before, now = _manifest(folder), {}
    # Whatever happens in between: what is written stands in the manifest or in the journal.
    with (folder / JOURNAL).open("a", encoding="utf-8") as journal:
        for path, body in files:
            now[path] = hashlib.sha256(body).hexdigest()
            target = folder / path
            if not target.is_symlink() and target.is_file() and target.read_bytes() == body:
                done.same += 1
                continue
            journal.write(json.dumps([path, now[path]]) + "\n")
            journal.flush()
            _put(target, body)
            done.written += 1
    left = {}
    for path in sorted(before.keys() - now.keys()):
        target = folder / path
        if target.is_symlink() or not target.is_file():
            continue
        if hashlib.sha256(target.read_bytes()).hexdigest() not in before[path]:
            done.left.append(path)
            left[path] = before[path][0]
            continue
        target.unlink()
        done.removed += 1
        for above in list(PurePosixPath(path).parents)[:-1]:
            with suppress(OSError):  # something else lies there
                (folder / above).rmdir()
    manifest = json.dumps(now | left, indent=0, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    if not (folder / MANIFEST).is_file() or (folder / MANIFEST).read_bytes() != manifest:
        _put(folder / MANIFEST, manifest)
    (folder / JOURNAL).unlink()
    return done


def _put(target: Path, body: bytes) -> None:
    """Write a file beside its place, then move it there: it is the old one or the new one, never a half."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}{_PART}")
    part.unlink(missing_ok=True)  # of an export that was killed; and no link that leads elsewhere
    with part.open("xb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    part.replace(target)


def _manifest(folder: Path) -> dict[str, list[str]]:
    """What earlier exports wrote here, each path with its digests: paths that stay below the folder, whatever
    stands in the file.
    """
    found: dict[str, list[str]] = {}
    for name in (MANIFEST, JOURNAL):
        try:
            text = (folder / name).read_text(encoding="utf-8")
            said = json.loads(text).items() if name == MANIFEST else map(json.loads, text.splitlines())
            for path, digest in said:
                if _is_below(path):
                    found.setdefault(path, []).append(str(digest))
        except FileNotFoundError:
            continue
        except (ValueError, TypeError, AttributeError) as error:
            if name == JOURNAL:  # its last line was being written when the export was killed
                continue
            raise ExportError(f"{folder / name}: not written by an export: {error}") from error
    return found


def _is_below(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\0" not in path
