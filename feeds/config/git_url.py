"""Parse the URL of a git inbox: `git+https://host/repo.git#branch:folder`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

SCHEMES = ("git+", "git:", "ext:")
"""Beginnings of URLs that are meant for git."""
TRANSPORTS = ("https", "http", "ssh", "file")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitURL:
    """A repository, and the branch and folder of it that are read."""

    url: str
    """URL for git; without user and password if it is over HTTP."""
    branch: str
    """Name of the branch; empty for the repository's default."""
    folder: str
    """Path below the root, without slashes at its ends; empty for the root."""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def parse_git_url(address: str) -> GitURL:
    """Return the parts of a git URL. Raises ValueError with the reason if it cannot be used."""
    url, _, fragment = address.partition("#")
    transport, separator, rest = url.removeprefix("git+").partition("://")
    if not separator or not address.startswith("git+") or transport not in TRANSPORTS:
        raise ValueError(f"expected one of {', '.join(f'git+{transport}://' for transport in TRANSPORTS)}")
    if re.search(r"[\s\x00-\x1f\x7f]", address):
        raise ValueError("a URL cannot contain blanks")
    authority, slash, path = rest.partition("/")
    credentials, _, host = authority.rpartition("@")
    if host.startswith("-") or credentials.startswith("-") or not slash or not path.strip("/"):
        raise ValueError("expected an address such as git+https://host.example/owner/repo.git#branch:folder")
    if transport == "file" and authority:
        raise ValueError("expected git+file:///path, with three slashes")
    if transport != "file" and not urlsplit(f"{transport}://{host}").hostname:
        raise ValueError("the URL has no host")
    branch, _, folder = fragment.partition(":")
    if branch and not _is_branch(branch):
        raise ValueError("not the name of a branch: expected #branch or #branch:folder")
    folder = folder.strip("/")
    if folder and (folder.startswith("-") or {"", ".", ".."} & {*folder.split("/")}):
        raise ValueError("expected a folder of the repository after the branch: #branch:sub/folder")
    user, _, password = credentials.partition(":")
    is_http = transport in ("http", "https")
    return GitURL(
        url=f"{transport}://{host if is_http else authority}/{path}",
        branch=branch,
        folder=folder,
        user=unquote(user) if is_http else "",
        password=unquote(password) if is_http else "",
    )


def _is_branch(name: str) -> bool:
    """Return whether git allows the name of a branch (git-check-ref-format(1))."""
    return not (
        name.startswith(("-", "/", ".", "@{"))
        or name.endswith(("/", ".", ".lock"))
        or re.search(r"\.\.|//|/\.|@\{|[~^:?*\[\\\x00-\x20\x7f]", name)
    )
