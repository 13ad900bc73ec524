"""A git repository as inbox: its newest commit, fetched at each survey, read without a work tree.

What lies in `folder` is a cache: where it is thrown away the commit is fetched again, and nothing is read
twice, since a file's version is the id of its content.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from feeds.config.git_url import GitAddress, parsed
from feeds.config.inboxes import InboxPlace
from feeds.inboxes.base import InboxError, InboxFile, InboxScan, Stamp, StillChangingError
from feeds.inboxes.git_command import REMOTE, REMOTE_SECONDS, GitCommand, GitError, version
from feeds.inboxes.prefetch import Fetched, Prefetcher
from feeds.model.errors import ReadError
from feeds.parsers import MOST_BYTES
from feeds.text.filenames import digest_of, known_as, passed_over, readable

_HERE = "refs/heads/inbox"
_MOST_PACKS = 30
_POINTER = b"version https://git-lfs.github.com/spec/"
_LONGEST_POINTER = 1024


@dataclass(slots=True, weakref_slot=True)
class Git:
    """One branch of a repository. Raises ConfigError where the program git is missing."""

    place: InboxPlace
    caches: Path
    """A folder in which the repository is kept; a temporary one is used where it cannot be written to."""
    may_be_away: bool = True
    _address: GitAddress = field(init=False, repr=False)
    _temporary: Path | None = field(default=None, init=False, repr=False)
    _prefetcher: Prefetcher = field(init=False, repr=False)

    def __post_init__(self) -> None:
        version()
        self._address = parsed(str(self.place.at))
        self._prefetcher = Prefetcher(self._contents)

    @property
    def name(self) -> str:
        """What the database calls the inbox; paths below its folder are the files' names."""
        return self.place.name

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return self.place.shown

    def survey(self, stamps: Mapping[str, Stamp]) -> InboxScan:
        """The files of the newest commit, parted into those that `stamps` knows just so and the others.

        Hidden and unfinished names, symbolic links and submodules are passed over. All files are dated by
        the commit.
        """
        survey = InboxScan()
        try:
            for found in self._newest():
                survey.add(found, stamps)
        except GitError as error:
            raise InboxError(f"the inbox {self.where} cannot be read: {error}") from error
        except OSError as error:
            raise InboxError(f"the inbox {self.where} cannot be kept: {error.strerror}") from error
        return survey

    def settled(self, found: list[InboxFile], seconds: float) -> tuple[list[InboxFile], int]:
        """All of them: what is committed is whole."""
        self._prefetcher.expect([file for file in found if file.size <= MOST_BYTES])
        return found, 0

    def read(self, found: InboxFile) -> tuple[bytes, str]:
        """The bytes of a file and their digest.

        Raises ReadError for one that is too large or not in the repository itself (Git LFS),
        StillChangingError where the cache has lost it.
        """
        if found.size > MOST_BYTES:
            raise ReadError(f"the file is larger than {MOST_BYTES // 1_000_000} MB")
        data = self._prefetcher.take(found)
        if data.startswith(_POINTER) and len(data) <= _LONGEST_POINTER:
            raise ReadError("only a pointer to a file in Git LFS, which is not fetched")
        return data, digest_of(data)

    # -- the newest commit -------------------------------------------------------------------------------

    def _newest(self) -> list[InboxFile]:
        """The files of the newest commit; a copy that is spoilt is made anew. Raises GitError."""
        fresh = self._made()
        try:
            return self._fetched()
        except GitError:
            if fresh or self._sound():
                raise
        self._discard()
        self._made()
        return self._fetched()

    def _fetched(self) -> list[InboxFile]:
        git, branch = self._git(), self._address.branch
        asked = f"refs/heads/{branch}" if branch else "HEAD"
        there = self._remote(asked)
        if not there:
            if not git.run("ls-remote", REMOTE, seconds=REMOTE_SECONDS):
                return []  # a repository without any commit
            raise GitError(
                f"there is no branch {branch!r}" if branch else "its default branch does not exist"
            )
        here = git.run("for-each-ref", "--format=%(objectname)", _HERE).decode().strip()
        if there != here:
            options = ("--quiet", "--depth=1", "--no-tags", "--force", "--no-write-fetch-head")
            git.run("fetch", *options, REMOTE, f"+{asked}:{_HERE}", seconds=REMOTE_SECONDS)
            if len(list(git.folder.glob("objects/pack/*.pack"))) > _MOST_PACKS:
                git.run("gc", "--quiet", "--prune=now")
        return list(self._listed())

    def _remote(self, asked: str) -> str:
        """The id of the commit that a name stands for there; empty for none."""
        said = self._git().run("ls-remote", REMOTE, asked, seconds=REMOTE_SECONDS).decode(errors="replace")
        ids = (line.partition("\t") for line in said.splitlines())
        return next((found for found, _, name in ids if name == asked), "")

    def _listed(self) -> Iterator[InboxFile]:
        git, folder = self._git(), self._address.folder
        committed = int(git.run("log", "-1", "--format=%ct", _HERE, "--")) * 1_000_000_000
        try:
            listing = git.run("ls-tree", "-r", "-z", "-l", f"{_HERE}:{folder}")
        except GitError as error:
            if not folder:
                raise
            raise GitError(f"there is no folder {folder!r} in it") from error
        for line in listing.split(b"\0"):
            described, _, path = line.partition(b"\t")
            if not path or not described.startswith(b"100"):  # else a link or a submodule
                continue
            _, _, blob, size = described.decode("ascii").split()
            name = path.decode("utf-8", "surrogateescape")
            if any(map(passed_over, name.split("/"))):
                continue
            yield InboxFile(known_as(readable(name)), blob, int(size), max(0, committed), blob)

    def _contents(self, files: Sequence[InboxFile]) -> Sequence[Fetched]:
        """What blobs hold, by one `git cat-file --batch`: a line with id, type and size, then the bytes."""
        asked = "".join(f"{file.location}\n" for file in files).encode()
        try:
            written = memoryview(self._git().run("cat-file", "--batch", stdin=asked))
        except (GitError, OSError):
            written = memoryview(b"")
        fetched: list[Fetched] = []
        for file in files:
            head = f"{file.location} blob {file.size}\n".encode()
            data = bytes(written[len(head) : len(head) + file.size])
            if written[: len(head)] != head or len(data) != file.size:
                self._discard()  # the next survey fetches it anew
                lost = len(files) - len(fetched)
                return [*fetched, *[StillChangingError("the copy of the repository is broken")] * lost]
            fetched.append(data)
            written = written[len(head) + file.size + 1 :]
        return fetched

    # -- the cache ---------------------------------------------------------------------------------------

    def _git(self) -> GitCommand:
        known = f"{self._address.url}#{self._address.branch}"
        folder = self._temporary or self.caches
        return GitCommand(folder / f"{sha256(known.encode()).hexdigest()[:16]}.git", self._address)

    def _made(self) -> bool:
        """Have a repository to fetch into; whether it is a new one."""
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

    def _sound(self) -> bool:
        """Whether what is here is whole, and nobody left a lock behind."""
        if any(self._git().folder.rglob("*.lock")):
            return False
        try:
            self._git().run("fsck", "--connectivity-only", "--no-dangling", "--no-progress")
        except GitError:
            return False
        return True

    def _discard(self) -> None:
        shutil.rmtree(self._git().folder, ignore_errors=True)
