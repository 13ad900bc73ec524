"""Where inboxes are, as they are configured, and what the database calls them. Pure."""

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


def _inbox_name(value: str) -> str:
    if not re.fullmatch(r"[^\W_][\w.\- ]{0,79}", value):
        raise ValueError("expected a word of letters, digits, hyphens and dots, 80 at most")
    if value in RESERVED_INBOXES:
        raise ValueError(f"`{value}` is an inbox of the database's own")
    return value


def _at(value: str) -> str:
    """A folder, or an address that can be one of an inbox."""
    if value.startswith(git_url.SCHEMES):
        git_url.parsed(value)
        return value
    scheme, separator, rest = value.partition("://")
    if separator and ("::" in scheme or not re.fullmatch(r"[a-z][a-z0-9.\-]*", scheme)):
        raise ValueError("expected a folder, or an address such as s3://bucket/prefix or git+https://…")
    if scheme == "file" and separator and not rest.startswith("/"):
        raise ValueError("expected file:///path, with three slashes")
    if separator and not rest.strip("/") and scheme != "memory":
        raise ValueError(f"{scheme}:// leads nowhere: it needs a place behind it")
    return value


def _options(value: Any) -> Any:
    """Options as the file systems want them: YAML gives texts, they want numbers and truth values as such."""
    if not isinstance(value, Mapping):
        raise ValueError("expected a mapping, such as {endpoint_url: https://s3.example.org}")  # never shown
    return {str(key): _option(str(key), one) for key, one in value.items()}


def _option(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _options(value)
    if isinstance(value, list):
        return [_option(key, one) for one in value]
    if value in ("true", "false"):
        return value == "true"
    number = isinstance(value, str) and re.fullmatch(r"0|[1-9]\d{0,8}", value) and not _TEXTS.search(key)
    return int(value) if number else value


_TEXTS = re.compile(r"key|secret|token|pass|user|account|name|_id$|id$")
"""Options that are texts, also where they look like numbers."""


class InboxSettings(BaseModel):
    """One entry of `inbox:`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Annotated[str, Field(min_length=1, repr=False), AfterValidator(_at)]
    name: Annotated[str, AfterValidator(_inbox_name)] | None = None
    options: Annotated[dict[str, Any], BeforeValidator(_options), Field(repr=False)] = {}


def listed(value: Any) -> Any:
    """One place, or a list of them; a place without a name of its own as its address alone."""
    listed = value if isinstance(value, (list, tuple)) else [value]
    return [{"at": one} if isinstance(one, str) else one for one in listed]


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPlace:
    """Where files lie."""

    name: str
    """What the database calls it."""
    at: Path | str = field(repr=False)
    """A folder, or the address of another kind of place."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What to tell the library that reads such addresses."""

    @property
    def shown(self) -> str:
        """Where it is, for people: without secrets."""
        return str(self.at) if isinstance(self.at, Path) else without_secrets(self.at)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may show: every text in the options, and the user and password in the address."""
        authority = "" if isinstance(self.at, Path) else self.at.partition("://")[2].partition("/")[0]
        user = authority.rpartition("@")[0]
        password = user.partition(":")[2]
        return (*_texts(self.options), *filter(None, (user, password, unquote(password))))


def named(settings: Sequence[InboxSettings], folder: Path) -> tuple[InboxPlace, ...]:
    """The inboxes with their names: what has none is called by its address, the first folder `folder`."""
    found: list[InboxPlace] = []
    first = True
    for entry in settings:
        if "://" in entry.at:
            name = entry.name or without_secrets(entry.at)
            found.append(InboxPlace(name=name, at=entry.at, options=entry.options))
            continue
        name = entry.name or (FIRST_FOLDER if first else entry.at)
        found.append(InboxPlace(name=name, at=folder / Path(entry.at).expanduser()))
        first = False
    return tuple(found)


def without_secrets(address: str) -> str:
    """An address without its user and password, without what an `@` could hide, and without a query."""
    scheme, _, rest = address.partition("://")
    authority, slash, path = re.sub(r"\?[^#]*", "", rest).partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def repeated(entries: Sequence[InboxSettings], place: Callable[..., str]) -> list[str]:
    """Return a fault for each inbox that has the name of another one, or is the same place.

    `place` gives the `file:line: key` of an entry.
    """
    faults: list[str] = []
    first_of_name: dict[str, int] = {}
    first_at: dict[str, int] = {}
    for index, inbox in enumerate(named(entries, Path())):
        at = os.path.normpath(inbox.at) if isinstance(inbox.at, Path) else inbox.at.rstrip("/")
        if at in first_at:
            faults.append(f"{place('inbox', index)}: the same place as inbox[{first_at[at]}]")
        elif inbox.name in first_of_name:
            other = first_of_name[inbox.name]
            faults.append(f"{place('inbox', index)}: inbox[{other}] is called {inbox.name!r} already")
        first_of_name.setdefault(inbox.name, index)
        first_at.setdefault(at, index)
    return faults


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        return tuple(text for one in value.values() for text in _texts(one))
    if isinstance(value, list):
        return tuple(text for one in value for text in _texts(one))
    return (value,) if isinstance(value, str) and len(value) > 2 else ()
