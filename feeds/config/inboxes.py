"""Check `inbox` of config.yaml, and give each inbox its name in the database. Pure."""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from feeds.config import git_url
from feeds.model.inbox_names import FIRST_FOLDER, RESERVED_INBOXES


def _check_name(value: str) -> str:
    if not re.fullmatch(r"[^\W_][\w.\- ]{0,79}", value):
        raise ValueError("expected a word of letters, digits, hyphens and dots, 80 at most")
    if value in RESERVED_INBOXES:
        raise ValueError(f"`{value}` is the name of an inbox that the database has itself")
    return value


def _check_place(value: str) -> str:
    """Check a folder, or a URL that can be one of an inbox. Raises ValueError."""
    if value.startswith(git_url.SCHEMES):
        git_url.parse_git_url(value)
        return value
    scheme, separator, rest = value.partition("://")
    if separator and ("::" in scheme or not re.fullmatch(r"[a-z][a-z0-9.\-]*", scheme)):
        raise ValueError("expected a folder, or an address such as s3://bucket/prefix or git+https://…")
    if scheme == "file" and separator and not rest.startswith("/"):
        raise ValueError("expected file:///path, with three slashes")
    if separator and not rest.strip("/") and scheme != "memory":
        raise ValueError(f"{scheme}:// leads nowhere: expected a place after it")
    return value


def _convert_options(value: Any) -> Any:
    """Convert options to numbers and truth values, which file systems expect; YAML gives texts."""
    if not isinstance(value, Mapping):
        raise ValueError("expected a mapping, such as {endpoint_url: https://s3.example.org}")  # never shown
    return {str(key): _convert_option(str(key), item) for key, item in value.items()}


def _convert_option(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _convert_options(value)
    if isinstance(value, list):
        return [_convert_option(key, item) for item in value]
    if value in ("true", "false"):
        return value == "true"
    number = (
        isinstance(value, str) and re.fullmatch(r"0|[1-9]\d{0,8}", value) and not _TEXT_OPTIONS.search(key)
    )
    return int(value) if number else value


_TEXT_OPTIONS = re.compile(r"key|secret|token|pass|user|account|name|_id$|id$")
"""Options that are texts, even if they look like numbers."""


class InboxSettings(BaseModel):
    """One entry of `inbox:`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Annotated[str, Field(min_length=1, repr=False), AfterValidator(_check_place)]
    name: Annotated[str, AfterValidator(_check_name)] | None = None
    options: Annotated[dict[str, Any], BeforeValidator(_convert_options), Field(repr=False)] = {}


def to_mappings(value: Any) -> Any:
    """Return one place, or a list of them, as a list of mappings; `a` means `{at: a}`."""
    entries = value if isinstance(value, (list, tuple)) else [value]
    return [{"at": entry} if isinstance(entry, str) else entry for entry in entries]


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPlace:
    """Place of an inbox: where files are read from."""

    name: str
    """Name in the database."""
    at: Path | str = field(repr=False)
    """A folder, or the URL of another kind of place."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Options for the library that reads such URLs."""

    @property
    def display_name(self) -> str:
        """Folder or URL for messages, without secrets."""
        return str(self.at) if isinstance(self.at, Path) else strip_secrets(self.at)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that no message may show: those in the options, and the user and password in the URL."""
        authority = "" if isinstance(self.at, Path) else self.at.partition("://")[2].partition("/")[0]
        user = authority.rpartition("@")[0]
        password = user.partition(":")[2]
        return (*_collect_texts(self.options), *filter(None, (user, password, unquote(password))))


def places_of(settings: Sequence[InboxSettings], folder: Path) -> tuple[InboxPlace, ...]:
    """Return the places of inboxes; relative ones begin at `folder`.

    An inbox without a name is called by its folder or URL, and the first folder FIRST_FOLDER, whatever it is:
    so the articles of a folder that is moved stay what they are.
    """
    places: list[InboxPlace] = []
    is_first = True
    for entry in settings:
        if "://" in entry.at:
            name = entry.name or strip_secrets(entry.at)
            places.append(InboxPlace(name=name, at=entry.at, options=entry.options))
            continue
        name = entry.name or (FIRST_FOLDER if is_first else entry.at)
        places.append(InboxPlace(name=name, at=folder / Path(entry.at).expanduser()))
        is_first = False
    return tuple(places)


def strip_secrets(address: str) -> str:
    """Return a URL without user and password, and without a query.

    Everything before an `@` in the authority is removed.
    """
    scheme, _, rest = address.partition("://")
    authority, slash, path = re.sub(r"\?[^#]*", "", rest).partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def find_duplicates(entries: Sequence[InboxSettings], place: Callable[..., str]) -> list[str]:
    """Return a fault for each inbox with the name or the place of another one.

    `place` gives the `file:line: key` of an entry.
    """
    faults: list[str] = []
    first_of_name: dict[str, int] = {}
    first_at: dict[str, int] = {}
    for index, inbox in enumerate(places_of(entries, Path())):
        at = os.path.normpath(inbox.at) if isinstance(inbox.at, Path) else inbox.at.rstrip("/")
        if at in first_at:
            faults.append(f"{place('inbox', index)}: the same place as inbox[{first_at[at]}]")
        elif inbox.name in first_of_name:
            other = first_of_name[inbox.name]
            faults.append(f"{place('inbox', index)}: inbox[{other}] is called {inbox.name!r} already")
        first_of_name.setdefault(inbox.name, index)
        first_at.setdefault(at, index)
    return faults


def _collect_texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        return tuple(text for item in value.values() for text in _collect_texts(item))
    if isinstance(value, list):
        return tuple(text for item in value for text in _collect_texts(item))
    return (value,) if isinstance(value, str) and len(value) > 2 else ()
