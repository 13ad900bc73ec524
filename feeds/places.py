"""Where inboxes are, as they are configured, and what the database calls them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from feeds import yamlfile

FIRST_FOLDER = "folder"
"""The name of the first inbox that is a folder: wherever it is moved to, its files stay known."""
POSTED, FETCHED = "posted", "subscriptions"
"""The names of the inboxes of what was posted, and of what was fetched from others."""
RESERVED_INBOXES = (POSTED, FETCHED)


def _inbox_name(value: str) -> str:
    if not re.fullmatch(r"[^\W_][\w.\- ]{0,79}", value):
        raise ValueError("expected a word of letters, digits, hyphens and dots, 80 at most")
    if value in RESERVED_INBOXES:
        raise ValueError(f"`{value}` is an inbox of the database's own")
    return value


class InboxSettings(BaseModel):
    """One entry of `inbox:`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Annotated[str, Field(min_length=1)]
    name: Annotated[str, AfterValidator(_inbox_name)] | None = None


def listed(value: Any) -> Any:
    """One place, or a list of them; a place without a name of its own as its address alone."""
    listed = value if isinstance(value, (list, tuple)) else [value]
    return [{"at": one} if isinstance(one, str) else one for one in listed]


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPlace:
    """Where files lie."""

    name: str
    """What the database calls it."""
    at: Path | str
    """A folder, or the address of another kind of place."""

    @property
    def shown(self) -> str:
        """Where it is, for people: without secrets."""
        return str(self.at) if isinstance(self.at, Path) else without_secrets(self.at)


def named(settings: Sequence[InboxSettings], folder: Path) -> tuple[InboxPlace, ...]:
    """The inboxes with their names: what has none is called by its address, the first folder `folder`."""
    found: list[InboxPlace] = []
    first = True
    for entry in settings:
        if "://" in entry.at:
            found.append(InboxPlace(name=entry.name or without_secrets(entry.at), at=entry.at))
            continue
        name = entry.name or (FIRST_FOLDER if first else entry.at)
        found.append(InboxPlace(name=name, at=folder / Path(entry.at).expanduser()))
        first = False
    return tuple(found)


def without_secrets(address: str) -> str:
    """An address without its user and password, and without what an `@` could hide."""
    scheme, _, rest = address.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def same_names(entries: Sequence[InboxSettings], lines: Mapping[yamlfile.Path, int], name: str) -> list[str]:
    """A fault for each inbox that is called like another one."""
    faults, taken = [], set[str]()
    for index, place in enumerate(named(entries, Path())):
        if place.name in taken:
            line = lines.get(("inbox", index), lines.get(("inbox",), 1))
            faults.append(f"{name}:{line}: inbox[{index}]: another inbox is called {place.name!r} already")
        taken.add(place.name)
    return faults
