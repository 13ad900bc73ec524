"""What fsspec lists and gives, for any place that it knows: the only door to it.

Two ways to the same answers. `Tree` asks any file system of fsspec in its general words; `S3` asks buckets in
their own, since there the general ones cost a second request for each object and hold every listing twice.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import weakref
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote

from feeds.inboxes.base import InboxFile, StillChangingError
from feeds.inboxes.error_messages import code_of, fault_of
from feeds.inboxes.prefetch import Fetched
from feeds.model.errors import ConfigError, ReadError

T = TypeVar("T")

_CONNECT_SECONDS, _READ_SECONDS, _TRIES = 10, 30, 3
_AT_ONCE = 32
"""Connections to a bucket."""
_LISTING_SECONDS, _FETCHING_SECONDS = 600, 180
"""However slowly bytes drip in."""

# Servers with users, and how to say to their file systems that they shall not wait for ever.
_HOSTS: dict[str, dict[str, Any]] = {
    "ftp": {"timeout": _READ_SECONDS},
    "sftp": {"timeout": _CONNECT_SECONDS, "banner_timeout": _READ_SECONDS, "auth_timeout": _READ_SECONDS},
    "ssh": {"timeout": _CONNECT_SECONDS, "banner_timeout": _READ_SECONDS, "auth_timeout": _READ_SECONDS},
    "smb": {},
}
# What file systems call what tells one content from another, and the time of the last change.
_VERSIONS = ("md5Hash", "ETag", "etag", "checksum", "sha", "generation")
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "modified", "modify", "created")
# What needs a package besides fsspec that is not called by its own message.
_EXTRAS = {"s3": "feeds[s3]", "s3a": "feeds[s3]"}
_NO_FILES = ("http", "https", "data")
_TALKATIVE = ("aiobotocore", "asyncio", "botocore", "fsspec", "paramiko", "s3fs")


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as its place lists it."""

    path: str
    """Below the inbox; as long as it is empty or ends in a slash it is no file."""
    location: str
    size: int
    modified: int
    """Nanoseconds since 1970; 0 where it is not known."""
    version: str
    """Empty where the place says nothing."""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A folder that cannot be listed, where the others can."""

    path: str
    location: str


class FileSystem(Protocol):
    """A place that can be listed and read."""

    def listed(self, wanted: Callable[[str], bool]) -> Iterator[Listed | Unlisted]:
        """Every file in it; folders whose name is not `wanted` need not be looked into.

        Raises what its library raises.
        """

    def fetch(self, files: Sequence[InboxFile]) -> Sequence[Fetched]:
        """What files hold, or why they cannot be had. Raises what its library raises where none can."""


def package_of(address: str) -> str:
    """The package that reads such addresses, with its version.

    Raises ConfigError where there is none, or it is not installed.
    """
    from importlib import metadata

    scheme = address.partition("://")[0]
    if scheme in _NO_FILES:
        raise ConfigError(f"{scheme}:// is no place where files lie")
    if importlib.util.find_spec("fsspec") is None:
        wanted = _EXTRAS.get(scheme, "fsspec")
        raise ConfigError(f"{scheme}:// needs a package that is not installed: pip install '{wanted}'")
    from fsspec.registry import get_filesystem_class, known_implementations

    try:
        found = get_filesystem_class(scheme)
    except ImportError as error:
        said = known_implementations.get(scheme, {}).get("err") or str(error)
        wanted = f"pip install '{_EXTRAS[scheme]}'" if scheme in _EXTRAS else said
        raise ConfigError(f"{scheme}:// needs a package that is not installed: {wanted}") from error
    except ValueError as error:
        raise ConfigError(f"{scheme}:// is nothing that fsspec knows") from error
    package = str(found.__module__).partition(".")[0]
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return package


def connected(address: str, options: Mapping[str, Any]) -> FileSystem:
    """The file system at an address. Raises what its library raises."""
    from fsspec.core import url_to_fs

    for name in _TALKATIVE:  # at `log: debug` they tell every header
        logging.getLogger(name).setLevel(logging.WARNING)
    scheme = address.partition("://")[0]
    if scheme in ("s3", "s3a"):
        return _s3(address, options)
    values = dict(options)
    if scheme in _HOSTS:
        address, user = _without_user(address)
        values = {**_HOSTS[scheme], **user, **values}
    system, root = url_to_fs(address, skip_instance_cache=True, **values)
    return Tree(system, root)


# -- buckets --------------------------------------------------------------------------------------------


def _s3(address: str, options: Mapping[str, Any]) -> S3:
    from fsspec.asyn import get_loop
    from s3fs import S3FileSystem

    values = dict(options)
    config = {
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": _READ_SECONDS,
        "max_pool_connections": _AT_ONCE,
        "retries": {"total_max_attempts": _TRIES, "mode": "standard"},
        **values.pop("config_kwargs", {}),
    }
    system = S3FileSystem(asynchronous=True, skip_instance_cache=True, config_kwargs=config, **values)
    system.retries = 1  # botocore's are enough
    bucket, prefix, _ = system.split_path(address.rstrip("/"))
    _done(get_loop(), system.set_session(), _FETCHING_SECONDS)
    made = S3(system, bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else "")
    weakref.finalize(made, _close, system._s3creator)
    return made


def _close(client: Any) -> None:
    """Close the connections of a client that nobody uses any more; waits a little, where it can wait."""
    from fsspec.asyn import get_loop

    closing = asyncio.run_coroutine_threadsafe(client.__aexit__(None, None, None), get_loop())
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        with suppress(Exception):
            closing.result(timeout=1)


@dataclass(slots=True, weakref_slot=True)
class S3:
    """A bucket, or what begins with a prefix in it: a page of 1,000 objects a request, and one an object.

    An object is read only as it was listed (If-Match, RFC 9110 section 13.1.1).
    """

    system: Any
    bucket: str
    prefix: str

    def listed(self, wanted: Callable[[str], bool]) -> Iterator[Listed | Unlisted]:
        """Every object, page by page."""
        asked: dict[str, Any] = {"Bucket": self.bucket, "Prefix": self.prefix, **self.system.req_kw}
        while True:
            page = self._answered(self.system._call_s3("list_objects_v2", **asked))
            for one in page.get("Contents", ()):
                key = one["Key"]
                version = str(one.get("ETag", "")).strip('"')
                path = key.removeprefix(self.prefix)
                yield Listed(path, key, int(one["Size"]), _nanoseconds(one.get("LastModified")), version)
            if not page.get("IsTruncated"):
                return
            asked["ContinuationToken"] = page["NextContinuationToken"]

    def fetch(self, files: Sequence[InboxFile]) -> Sequence[Fetched]:
        """What objects hold."""
        return self._answered(_together([self._fetched(file) for file in files]))

    def _answered(self, asked: Coroutine[Any, Any, T]) -> T:
        from fsspec.asyn import get_loop

        return _done(get_loop(), asked, _FETCHING_SECONDS)

    async def _fetched(self, file: InboxFile) -> Fetched:
        asked = {"Bucket": self.bucket, "Key": file.location, **self.system.req_kw}
        if file.version:
            asked["IfMatch"] = f'"{file.version}"'
        try:
            answer = await self.system._call_s3("get_object", **asked)
        except OSError as error:
            return _own_fault(file, error)
        async with answer["Body"] as body:
            if answer["ContentLength"] != file.size:
                return StillChangingError(f"{file.path} is still changing")
            return _whole(file, await body.read())


# -- anything else --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tree:
    """Any file system of fsspec, new for each survey: what it keeps of its listings is of that survey."""

    system: Any
    root: str

    def listed(self, wanted: Callable[[str], bool]) -> Iterator[Listed | Unlisted]:
        """Every file: in one listing where its library has one, else folder by folder."""
        from fsspec.asyn import AsyncFileSystem

        if self.system.async_impl and type(self.system)._find is not AsyncFileSystem._find:
            found = _done(self.system.loop, self.system._find(self.root, detail=True), _LISTING_SECONDS)
            infos = found.values() if isinstance(found, dict) else ()  # some give the name of a single file
            yield from (self._of(info) for info in infos if info.get("type") != "directory")
            return
        pending = [self.root]
        while pending:
            folder = pending.pop()
            try:
                entries = self.system.ls(folder, detail=True)
            except (FileNotFoundError, PermissionError):
                if folder == self.root:
                    raise
                yield Unlisted(self._below(folder), folder)
                continue
            below = []
            for info in sorted(entries, key=lambda info: str(info["name"])):
                name = str(info["name"])
                if info["type"] == "directory":
                    if wanted(name.rstrip("/").rpartition("/")[2]) and name.rstrip("/") != folder.rstrip("/"):
                        below.append(name)
                elif info["type"] == "file":
                    yield self._of(info)
            pending.extend(reversed(below))

    def fetch(self, files: Sequence[InboxFile]) -> Sequence[Fetched]:
        """What files hold: at once where its library can, else one after the other."""
        if self.system.async_impl:
            awaited = _together([self._awaited(file) for file in files])
            return _done(self.system.loop, awaited, _FETCHING_SECONDS)
        fetched: list[Fetched] = []
        for file in files:
            try:
                # In one piece: as a stream of blocks it would be asked for block by block.
                data = self.system.cat_file(file.location, block_size=file.size + 1)
            except OSError as error:
                fetched.append(_own_fault(file, error))
            else:
                fetched.append(_whole(file, data))
        return fetched

    async def _awaited(self, file: InboxFile) -> Fetched:
        try:
            return _whole(file, await self.system._cat_file(file.location))
        except OSError as error:
            return _own_fault(file, error)

    def _of(self, info: Mapping[str, Any]) -> Listed:
        name = str(info["name"])
        version = next((str(info[key]) for key in _VERSIONS if info.get(key)), "").strip('"')
        modified = next(filter(None, (_nanoseconds(info.get(key)) for key in _TIMES)), 0)
        if not modified and not version:  # a date in a shape of its own still tells of a change
            version = next((str(info[key]) for key in _TIMES if info.get(key)), "")
        return Listed(self._below(name), name, int(info.get("size") or 0), modified, version)

    def _below(self, name: str) -> str:
        return name.removeprefix(self.root).removeprefix("/")


def _without_user(address: str) -> tuple[str, dict[str, str]]:
    """An address without its user and password, and these as options: fsspec does not decode them."""
    scheme, _, rest = address.partition("://")
    authority, slash, path = rest.partition("/")
    credentials, _, host = authority.rpartition("@")
    user, separator, password = credentials.partition(":")
    named = {"username": unquote(user)} if user else {}
    if separator:
        named["password"] = unquote(password)
    return f"{scheme}://{host}{slash}{path}", named


# -- both -----------------------------------------------------------------------------------------------


async def _together(awaited: Sequence[Coroutine[Any, Any, Fetched]]) -> Sequence[Fetched]:
    return list(await asyncio.gather(*awaited))


def _done(loop: Any, awaited: Coroutine[Any, Any, T], seconds: float) -> T:
    """What fsspec's loop, which runs in a thread of its own, makes of it within some time."""
    return asyncio.run_coroutine_threadsafe(asyncio.wait_for(awaited, seconds), loop).result()


def _own_fault(file: InboxFile, error: OSError) -> Fetched:
    """What is wrong with this file alone. Raises the error where it is the place's."""
    code = code_of(error)
    if code in ("PreconditionFailed", "412"):
        return StillChangingError(f"{file.path} has changed since")
    if isinstance(error, FileNotFoundError):
        return StillChangingError(f"{file.path} is gone")
    if isinstance(error, (PermissionError, IsADirectoryError)):
        return ReadError(f"cannot be read: {fault_of(error)}")
    raise error


def _whole(file: InboxFile, data: bytes) -> Fetched:
    return data if len(data) == file.size else StillChangingError(f"{file.path} is still changing")


def _nanoseconds(value: Any) -> int:
    """A time as file systems say it, in nanoseconds since 1970; 0 for one that cannot be told."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value if len(value) != 14 else f"{value[:8]}T{value[8:]}")
        if isinstance(value, datetime):
            value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        return max(0, int(float(value) * 1000)) * 1_000_000
    except (TypeError, ValueError, OverflowError):
        return 0
