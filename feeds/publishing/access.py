"""Which feeds need a token, and who may see what.

A feed of several sources that needs none shows nothing of the sources that need one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from feeds.cleaning import audiences
from feeds.cleaning.catalogue import Catalogue
from feeds.config import Config
from feeds.model.articles import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks for something."""

    opens: str | None = None
    """The feed that the token opens, or ANY of them; None without a token."""
    token: str = ""
    """The token, where it stood in the address: addresses that are handed out carry it on."""

    @property
    def query(self) -> str:
        """What an address carries that lets them in: `token=…`, or nothing."""
        return f"token={quote(self.token, safe='')}" if self.token else ""


ANY = ""
"""What a token opens that is not for one feed alone."""
PUBLIC = Visitor()


def is_private(config: Config, name: str) -> bool:
    """Whether a feed, by the name in its address, needs a token. A source that was moved stays private."""
    return audiences.is_private(config.private, config.catalogue, name)


def shows_all(config: Config, name: str) -> bool:
    """Whether the feed of this name may show what needs a token: where none does, or it needs one itself."""
    return not config.private or is_private(config, name)


def secret(config: Config) -> frozenset[str]:
    """The names of all private sources, also those that they once had and that no source has now."""
    catalogue = config.catalogue
    once = [move.slug for move in catalogue.moves]
    once += [slug for entry in catalogue.configured for slug in entry.formerly]
    return frozenset(
        (
            *config.private,
            *(_moved(catalogue, name) for name in config.private),
            *(slug for slug in once if is_private(config, _moved(catalogue, slug))),
        )
    )


def may_see(config: Config, visitor: Visitor, name: str) -> bool:
    """Whether the visitor may read the feed of this name."""
    if not is_private(config, name):
        return True
    opens = visitor.opens
    return opens is not None and (opens in (ANY, name) or _moved(config.catalogue, opens) == name)


def carried(config: Config, visitor: Visitor, name: str) -> str:
    """What the address of a feed carries on for a visitor: their token, where the feed needs one and opens
    with theirs.
    """
    return visitor.query if is_private(config, name) and may_see(config, visitor, name) else ""


def titles(config: Config, visitor: Visitor, sources: Iterable[Source]) -> frozenset[str]:
    """The titles that may be named to a visitor, of these sources and of those that are configured.

    A title that an unseen source has as well is not among them: it says nothing for certain.
    """
    seen, unseen = set[str](), set[str]()
    for source in (*sources, *config.catalogue.known()):
        name = _moved(config.catalogue, source.slug)
        (seen if may_see(config, visitor, name) else unseen).add(source.title)
    return frozenset(seen - unseen)


def _moved(catalogue: Catalogue, slug: str) -> str:
    return catalogue.moved(Source(slug=slug, title=slug)).slug
