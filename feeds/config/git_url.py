"""Where a git repository is, as an inbox says it: `git+https://host/repo.git#branch:folder`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

SCHEMES = ("git+", "git:", "ext:")
"""How addresses begin that are meant for git."""
TRANSPORTS = ("https", "http", "ssh", "file")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitAddress:
    """A repository, and what of it is read."""

    url: str
    """For git: without user and password, where it is spoken to over HTTP."""
    transport: str
    branch: str
    """Empty for the repository's own default."""
    folder: str
    """Below the repository's root, without slashes at its ends; empty for the root."""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def parsed(address: str) -> GitAddress:
    """The parts of an address. Raises ValueError with what is wrong with it."""
    url, _, fragment = address.partition("#")
    transport, separator, rest = url.removeprefix("git+").partition("://")
    if not separator or not address.startswith("git+") or transport not in TRANSPORTS:
        raise ValueError(f"git is asked over {', '.join(f'git+{one}://' for one in TRANSPORTS)}")
    if re.search(r"[\s\x00-\x1f\x7f]", address):
        raise ValueError("an address has no blanks in it")
    authority, slash, path = rest.partition("/")
    credentials, _, host = authority.rpartition("@")
    if host.startswith("-") or credentials.startswith("-") or not slash or not path.strip("/"):
        raise ValueError("expected an address such as git+https://host.example/owner/repo.git#branch:folder")
    if transport == "file" and authority:
        raise ValueError("expected git+file:///path, with three slashes")
    if transport != "file" and not urlsplit(f"{transport}://{host}").hostname:
        raise ValueError("it names no host")
    branch, _, folder = fragment.partition(":")
    if branch and not _is_branch(branch):
        raise ValueError("that is no name of a branch: expected #branch or #branch:folder")
    folder = folder.strip("/")
    if folder and (folder.startswith("-") or {"", ".", ".."} & {*folder.split("/")}):
        raise ValueError("expected a folder within the repository behind the branch: #branch:sub/folder")
    user, _, password = credentials.partition(":")
    http = transport in ("http", "https")
    return GitAddress(
        url=f"{transport}://{host if http else authority}/{path}",
        transport=transport,
        branch=branch,
        folder=folder,
        user=unquote(user) if http else "",
        password=unquote(password) if http else "",
    )


def _is_branch(name: str) -> bool:
    """The rules of git-check-ref-format(1), as far as they matter here."""
    return not (
        name.startswith(("-", "/", ".", "@{"))
        or name.endswith(("/", ".", ".lock"))
        or re.search(r"\.\.|//|/\.|@\{|[~^:?*\[\\\x00-\x20\x7f]", name)
    )
