"""List and fetch files by fsspec; the only module that imports it.

`FsspecFiles` uses the general interface of fsspec for any file system. `S3Files` calls the API of buckets,
since the general interface needs a second request for each object, and holds every listing twice.
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
from feeds.inboxes.error_messages import describe_inbox_error, s3_error_code
from feeds.inboxes.prefetch import Fetched
from feeds.model.errors import ConfigError, ReadError

T = TypeVar("T")

_CONNECT_SECONDS, _READ_SECONDS, _MAX_ATTEMPTS = 10, 30, 3
_MAX_CONNECTIONS = 32  # to one bucket
_LISTING_SECONDS, _FETCHING_SECONDS = 600, 180  # in all, also when bytes still arrive

# Servers with users, with the options that limit the waiting of their file systems.
_HOST_OPTIONS: dict[str, dict[str, Any]] = {
    "ftp": {"timeout": _READ_SECONDS},
    "sftp": {"timeout": _CONNECT_SECONDS, "banner_timeout": _READ_SECONDS, "auth_timeout": _READ_SECONDS},
    "ssh": {"timeout": _CONNECT_SECONDS, "banner_timeout": _READ_SECONDS, "auth_timeout": _READ_SECONDS},
    "smb": {},
}
# The names that file systems give to an identifier of the content, and to the modification time.
_VERSION_KEYS = ("md5Hash", "ETag", "etag", "checksum", "sha", "generation")
_TIME_KEYS = ("LastModified", "last_modified", "mtime", "updated", "modified", "modify", "created")
# Advice for schemes for which the message of fsspec names other packages. On the index `feeds` is not ours.
_ADVICE = dict.fromkeys(("s3", "s3a"), "pip install '.[s3]' in the checkout of feeds")
_SCHEMES_WITHOUT_LISTING = ("http", "https", "data")
_VERBOSE_LOGGERS = ("aiobotocore", "asyncio", "botocore", "fsspec", "paramiko", "s3fs")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as the file system lists it."""

    path: str
    """The path relative to the inbox. A path that is empty or ends in a slash is not a file."""
    location: str
    size: int
    modified: int
    """The modification time in nanoseconds since 1970; 0 when it is unknown."""
    version: str
    """An identifier of the content; empty when the file system has none."""


@dataclass(frozen=True, slots=True)
class UnlistableFolder:
    """A folder that cannot be listed, although others can."""

    path: str
    location: str


class FileSystem(Protocol):
    """Lists and fetches the files of one place."""

    def list_files(self, is_wanted: Callable[[str], bool]) -> Iterator[ListedFile | UnlistableFolder]:
        """Yield every file; folders whose name is not wanted may be left out.

        Raises the errors of the library behind it.
        """

    def fetch(self, files: Sequence[InboxFile]) -> Sequence[Fetched]:
        """Return the bytes of each file, or its error. Raises errors that concern the whole place."""


def required_package(address: str) -> str:
    """Return the package that reads URLs of this scheme, with its version.

    Raises ConfigError when there is none, or it is not installed.
    """
    from importlib import metadata

    scheme = address.partition("://")[0]
    if scheme in _SCHEMES_WITHOUT_LISTING:
        raise ConfigError(f"{scheme}:// cannot list files, so it cannot be an inbox")
    if importlib.util.find_spec("fsspec") is None:
        advice = _ADVICE.get(scheme, "pip install 'fsspec'")
        raise ConfigError(f"{scheme}:// needs a package that is not installed: {advice}")
    from fsspec.registry import get_filesystem_class, known_implementations

    try:
        file_system = get_filesystem_class(scheme)
    except ImportError as error:
        advice = _ADVICE.get(scheme) or known_implementations.get(scheme, {}).get("err") or str(error)
        raise ConfigError(f"{scheme}:// needs a package that is not installed: {advice}") from error
    except ValueError as error:
        raise ConfigError(f"{scheme}:// is not a kind of URL that fsspec knows") from error
    package = str(file_system.__module__).partition(".")[0]
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return package


def connect(address: str, options: Mapping[str, Any]) -> FileSystem:
    """Open the file system of a URL. Raises the errors of the library behind it."""
    from fsspec.core import url_to_fs

    for name in _VERBOSE_LOGGERS:  # with `log: debug` they would log every header
        logging.getLogger(name).setLevel(logging.WARNING)
    scheme = address.partition("://")[0]
    if scheme in ("s3", "s3a"):
        return _connect_s3(address, options)
    values = dict(options)
    if scheme in _HOST_OPTIONS:
        address, user = _without_user(address)
        values = {**_HOST_OPTIONS[scheme], **user, **values}
    system, root = url_to_fs(address, skip_instance_cache=True, **values)
    return FsspecFiles(system, root)


# -- buckets --------------------------------------------------------------------------------------------


def _connect_s3(address: str, options: Mapping[str, Any]) -> S3Files:
    from fsspec.asyn import get_loop
    from s3fs import S3FileSystem

    values = dict(options)
    config = {
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": _READ_SECONDS,
        "max_pool_connections": _MAX_CONNECTIONS,
        "retries": {"total_max_attempts": _MAX_ATTEMPTS, "mode": "standard"},
        **values.pop("config_kwargs", {}),
    }
    system = S3FileSystem(asynchronous=True, skip_instance_cache=True, config_kwargs=config, **values)
    system.retries = 1  # botocore retries already
    bucket, prefix, _ = system.split_path(address.rstrip("/"))
    _wait_in_loop(get_loop(), system.set_session(), _FETCHING_SECONDS)
    files = S3Files(system, bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else "")
    weakref.finalize(files, _close_client, system._s3creator)
    return files


def _close_client(client: Any) -> None:
    """Close the connections of an unused client; waits up to 1 s, unless called in the loop itself."""
    from fsspec.asyn import get_loop

    closing = asyncio.run_coroutine_threadsafe(client.__aexit__(None, None, None), get_loop())
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        with suppress(Exception):
            closing.result(timeout=1)


@dataclass(slots=True, weakref_slot=True)
class S3Files:
    """A bucket, or its objects below a prefix. A listing takes one request for 1,000 objects.

    An object is fetched only if it is as it was listed (If-Match, RFC 9110 section 13.1.1).
    """

    system: Any
    bucket: str
    prefix: str

    def list_files(self, is_wanted: Callable[[str], bool]) -> Iterator[ListedFile | UnlistableFolder]:
        """Yield every object, page by page."""
        parameters: dict[str, Any] = {"Bucket": self.bucket, "Prefix": self.prefix, **self.system.req_kw}
        while True:
            page = self._wait_for(self.system._call_s3("list_objects_v2", **parameters))
            for entry in page.get("Contents", ()):
                key = entry["Key"]
                version = str(entry.get("ETag", "")).strip('"')
                path = key.removeprefix(self.prefix)
                yield ListedFile(
                    path, key, int(entry["Size"]), _nanoseconds(entry.get("LastModified")), version
                )
            if not page.get("IsTruncated"):
                return
            parameters["ContinuationToken"] = page["NextContinuationToken"]

    def fetch(self, files: Sequence[InboxFile]) -> Sequence[Fetched]:
        """Fetch objects, all at the same time."""
        return self._wait_for(_gather([self._fetch_one(file) for file in files]))

    def _wait_for(self, request: Coroutine[Any, Any, T]) -> T:
        from fsspec.asyn import get_loop

        return _wait_in_loop(get_loop(), request, _FETCHING_SECONDS)

    async def _fetch_one(self, file: InboxFile) -> Fetched:
        parameters = {"Bucket": self.bucket, "Key": file.location, **self.system.req_kw}
        if file.version:
            parameters["IfMatch"] = f'"{file.version}"'
        try:
            answer = await self.system._call_s3("get_object", **parameters)
        except OSError as error:
            return _file_error(file, error)
        async with answer["Body"] as body:
            if answer["ContentLength"] != file.size:
                return StillChangingError(f"{file.path} is still changing")
            return _check_length(file, await body.read())


# -- anything else --------------------------------------------------------------------------------------


@dataclass(slots=True)
class FsspecFiles:
    """Any file system of fsspec. It is opened again for each listing, since fsspec caches listings."""

    system: Any
    root: str

    def list_files(self, is_wanted: Callable[[str], bool]) -> Iterator[ListedFile | UnlistableFolder]:
        """Yield every file: by one listing if the library has one, else folder by folder."""
        from fsspec.asyn import AsyncFileSystem

        if self.system.async_impl and type(self.system)._find is not AsyncFileSystem._find:
            request = self.system._find(self.root, detail=True)
            listing = _wait_in_loop(self.system.loop, request, _LISTING_SECONDS)
            infos = listing.values() if isinstance(listing, dict) else ()  # some return the name of one file
            yield from (self._to_listed_file(info) for info in infos if info.get("type") != "directory")
            return
        pending = [self.root]
        while pending:
            folder = pending.pop()
            try:
                entries = self.system.ls(folder, detail=True)
            except (FileNotFoundError, PermissionError):
                if folder == self.root:
                    raise
                yield UnlistableFolder(self._relative_path(folder), folder)
                continue
            subfolders = []
            for info in sorted(entries, key=lambda info: str(info["name"])):
                name = str(info["name"])
                if info["type"] == "directory":
                    path = name.rstrip("/")
                    if is_wanted(path.rpartition("/")[2]) and path != folder.rstrip("/"):
                        subfolders.append(name)
                elif info["type"] == "file":
                    yield self._to_listed_file(info)
            pending.extend(reversed(subfolders))

    def fetch(self, files: Sequence[InboxFile]) -> Sequence[Fetched]:
        """Fetch files: all at the same time if the library can, else one after the other."""
        if self.system.async_impl:
            requests = _gather([self._fetch_one(file) for file in files])
            return _wait_in_loop(self.system.loop, requests, _FETCHING_SECONDS)
        fetched: list[Fetched] = []
        for file in files:
            try:
                # In one piece: else it is requested block by block.
                data = self.system.cat_file(file.location, block_size=file.size + 1)
            except OSError as error:
                fetched.append(_file_error(file, error))
            else:
                fetched.append(_check_length(file, data))
        return fetched

    async def _fetch_one(self, file: InboxFile) -> Fetched:
        try:
            return _check_length(file, await self.system._cat_file(file.location))
        except OSError as error:
            return _file_error(file, error)

    def _to_listed_file(self, info: Mapping[str, Any]) -> ListedFile:
        name = str(info["name"])
        version = next((str(info[key]) for key in _VERSION_KEYS if info.get(key)), "").strip('"')
        modified = next(filter(None, (_nanoseconds(info.get(key)) for key in _TIME_KEYS)), 0)
        if not modified and not version:  # a date in an unknown format still shows a change
            version = next((str(info[key]) for key in _TIME_KEYS if info.get(key)), "")
        return ListedFile(self._relative_path(name), name, int(info.get("size") or 0), modified, version)

    def _relative_path(self, name: str) -> str:
        return name.removeprefix(self.root).removeprefix("/")


def _without_user(address: str) -> tuple[str, dict[str, str]]:
    """Split user and password off a URL, and return them decoded as options: fsspec does not decode them."""
    scheme, _, rest = address.partition("://")
    authority, slash, path = rest.partition("/")
    credentials, _, host = authority.rpartition("@")
    user, separator, password = credentials.partition(":")
    options = {"username": unquote(user)} if user else {}
    if separator:
        options["password"] = unquote(password)
    return f"{scheme}://{host}{slash}{path}", options


# -- both -----------------------------------------------------------------------------------------------


async def _gather(requests: Sequence[Coroutine[Any, Any, Fetched]]) -> Sequence[Fetched]:
    return list(await asyncio.gather(*requests))


def _wait_in_loop(loop: Any, request: Coroutine[Any, Any, T], seconds: float) -> T:
    """Run a coroutine in fsspec's loop, which has its own thread. Raises TimeoutError after `seconds`."""
    return asyncio.run_coroutine_threadsafe(asyncio.wait_for(request, seconds), loop).result()


def _file_error(file: InboxFile, error: OSError) -> Fetched:
    """Return the error of this file. Raises the given error when it concerns the whole place."""
    code = s3_error_code(error)
    if code in ("PreconditionFailed", "412"):
        return StillChangingError(f"{file.path} has changed since")
    if isinstance(error, FileNotFoundError):
        return StillChangingError(f"{file.path} is gone")
    if isinstance(error, (PermissionError, IsADirectoryError)):
        return ReadError(f"cannot be read: {describe_inbox_error(error)}")
    raise error


def _check_length(file: InboxFile, data: bytes) -> Fetched:
    return data if len(data) == file.size else StillChangingError(f"{file.path} is still changing")


def _nanoseconds(value: Any) -> int:
    """Convert a time of a file system to nanoseconds since 1970; 0 when it cannot be parsed."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value if len(value) != 14 else f"{value[:8]}T{value[8:]}")
        if isinstance(value, datetime):
            value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        return max(0, int(float(value) * 1000)) * 1_000_000
    except (TypeError, ValueError, OverflowError):
        return 0
