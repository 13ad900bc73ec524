"""Read a git repository: the newest commit of a branch, fetched at each run, without a work tree.

The local repository is a cache. When it is deleted, the commit is fetched again, but no file is read again,
since the version of a file is the id of its content.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from feeds.config.git_url import GitURL, parse_git_url
from feeds.config.inboxes import InboxPlace
from feeds.inboxes.base import InboxError, InboxFile, InboxScan, Stamp, StillChangingError
from feeds.inboxes.git_command import REMOTE, REMOTE_TIMEOUT_SECONDS, GitCommand, GitError, git_version
from feeds.inboxes.prefetch import Fetched, Prefetcher
from feeds.model.errors import ReadError
from feeds.parsers import MAX_FILE_BYTES
from feeds.text.filenames import content_hash, decode_filename, is_ignored, storage_key

_LOCAL_REF = "refs/heads/inbox"
_MAX_PACKS = 30
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_MAX_POINTER_BYTES = 1024


@dataclass(slots=True, weakref_slot=True)
class Git:
    """An inbox that is one branch of a repository. Raises ConfigError when git is not installed."""

    place: InboxPlace
    caches: Path
    """The folder for the local repository; a temporary one is used when it is not writable."""
    may_be_away: bool = True
    _address: GitURL = field(init=False, repr=False)
    _temporary: Path | None = field(default=None, init=False, repr=False)
    _prefetcher: Prefetcher = field(init=False, repr=False)

    def __post_init__(self) -> None:
        git_version()
        self._address = parse_git_url(str(self.place.at))
        self._prefetcher = Prefetcher(self._contents)

    @property
    def name(self) -> str:
        """The name of the inbox in the database."""
        return self.place.name

    @property
    def where(self) -> str:
        """The URL as messages show it, without secrets."""
        return self.place.display_name

    def scan(self, stamps: Mapping[str, Stamp]) -> InboxScan:
        """Fetch the newest commit and list its files; those that `stamps` has with their id are unchanged.

        Skips hidden and unfinished names, symbolic links and submodules. The modification time of all files
        is that of the commit. Raises InboxError when the repository cannot be fetched or stored.
        """
        scan = InboxScan()
        try:
            for file in self._files_of_newest_commit():
                scan.add(file, stamps)
        except GitError as error:
            raise InboxError(f"the inbox {self.where} cannot be read: {error}") from error
        except OSError as error:
            raise InboxError(f"the inbox {self.where} cannot be stored: {error.strerror}") from error
        return scan

    def select_settled(self, files: list[InboxFile], seconds: float) -> tuple[list[InboxFile], int]:
        """Return all files: a commit has complete files only."""
        self._prefetcher.expect([file for file in files if file.size <= MAX_FILE_BYTES])
        return files, 0

    def read(self, file: InboxFile) -> tuple[bytes, str]:
        """Return the bytes of a file and their digest.

        Raises ReadError when it is too large or is kept in Git LFS, and StillChangingError when the local
        repository is damaged.
        """
        if file.size > MAX_FILE_BYTES:
            raise ReadError(f"the file is larger than {MAX_FILE_BYTES // 1_000_000} MB")
        data = self._prefetcher.take(file)
        if data.startswith(_LFS_POINTER) and len(data) <= _MAX_POINTER_BYTES:
            raise ReadError(
                "the file is in Git LFS, which is not fetched: the repository holds only a pointer to it"
            )
        return data, content_hash(data)

    # -- the newest commit -------------------------------------------------------------------------------

    def _files_of_newest_commit(self) -> list[InboxFile]:
        """Fetch the newest commit; a damaged local repository is created again. Raises GitError."""
        is_new = self._create_repository()
        try:
            return self._fetch()
        except GitError:
            if is_new or self._is_intact():
                raise
        self._discard()
        self._create_repository()
        return self._fetch()

    def _fetch(self) -> list[InboxFile]:
        git, branch = self._git(), self._address.branch
        ref = f"refs/heads/{branch}" if branch else "HEAD"
        remote_commit = self._remote_commit(ref)
        if not remote_commit:
            if not git.run("ls-remote", REMOTE, seconds=REMOTE_TIMEOUT_SECONDS):
                return []  # a repository without a commit
            raise GitError(
                f"the repository has no branch {branch!r}" if branch else "its default branch does not exist"
            )
        local_commit = git.run("for-each-ref", "--format=%(objectname)", _LOCAL_REF).decode().strip()
        if remote_commit != local_commit:
            options = ("--quiet", "--depth=1", "--no-tags", "--force", "--no-write-fetch-head")
            git.run("fetch", *options, REMOTE, f"+{ref}:{_LOCAL_REF}", seconds=REMOTE_TIMEOUT_SECONDS)
            if len(list(git.folder.glob("objects/pack/*.pack"))) > _MAX_PACKS:
                git.run("gc", "--quiet", "--prune=now")
        return list(self._list_files())

    def _remote_commit(self, ref: str) -> str:
        """Return the id of the commit of a remote ref; empty when there is no such ref."""
        output = (
            self._git().run("ls-remote", REMOTE, ref, seconds=REMOTE_TIMEOUT_SECONDS).decode(errors="replace")
        )
        lines = (line.partition("\t") for line in output.splitlines())
        return next((commit for commit, _, name in lines if name == ref), "")

    def _list_files(self) -> Iterator[InboxFile]:
        git, folder = self._git(), self._address.folder
        committed = int(git.run("log", "-1", "--format=%ct", _LOCAL_REF, "--")) * 1_000_000_000
        try:
            listing = git.run("ls-tree", "-r", "-z", "-l", f"{_LOCAL_REF}:{folder}")
        except GitError as error:
            if not folder:
                raise
            raise GitError(f"the repository has no folder {folder!r}") from error
        for line in listing.split(b"\0"):
            described, _, path = line.partition(b"\t")
            if not path or not described.startswith(b"100"):  # a symbolic link or a submodule
                continue
            _, _, blob, size = described.decode("ascii").split()
            name = path.decode("utf-8", "surrogateescape")
            if any(map(is_ignored, name.split("/"))):
                continue
            yield InboxFile(storage_key(decode_filename(name)), blob, int(size), max(0, committed), blob)

    def _contents(self, files: Sequence[InboxFile]) -> Sequence[Fetched]:
        """Read blobs by `git cat-file --batch`.

        It writes a line with id, type and size, then the bytes.

        After the first blob that is missing or damaged, all files have an error, and the cache is deleted.
        """
        blob_ids = "".join(f"{file.location}\n" for file in files).encode()
        try:
            output = memoryview(self._git().run("cat-file", "--batch", stdin=blob_ids))
        except (GitError, OSError):
            output = memoryview(b"")
        fetched: list[Fetched] = []
        for file in files:
            head = f"{file.location} blob {file.size}\n".encode()
            data = bytes(output[len(head) : len(head) + file.size])
            if output[: len(head)] != head or len(data) != file.size:
                self._discard()  # the next run fetches the commit again
                missing = len(files) - len(fetched)
                return [
                    *fetched,
                    *[StillChangingError("the local copy of the repository is damaged")] * missing,
                ]
            fetched.append(data)
            output = output[len(head) + file.size + 1 :]
        return fetched

    # -- the cache ---------------------------------------------------------------------------------------

    def _git(self) -> GitCommand:
        key = f"{self._address.url}#{self._address.branch}"
        folder = self._temporary or self.caches
        return GitCommand(folder / f"{sha256(key.encode()).hexdigest()[:16]}.git", self._address)

    def _create_repository(self) -> bool:
        """Create the local repository if there is none; return whether there was none."""
        if (self._git().folder / "HEAD").is_file():
            return False
        try:
            self._init()
        except (OSError, GitError):
            if self._temporary:
                raise
            self._temporary = Path(tempfile.mkdtemp(prefix="feeds-git-"))
            weakref.finalize(self, shutil.rmtree, self._temporary, ignore_errors=True)
            self._init()
        return True

    def _init(self) -> None:
        self._git().folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._git().run("init", "--quiet", "--bare", "--template=")

    def _is_intact(self) -> bool:
        """Return whether the local repository is complete, without a stale lock."""
        if any(self._git().folder.rglob("*.lock")):
            return False
        try:
            self._git().run("fsck", "--connectivity-only", "--no-dangling", "--no-progress")
        except GitError:
            return False
        return True

    def _discard(self) -> None:
        shutil.rmtree(self._git().folder, ignore_errors=True)
