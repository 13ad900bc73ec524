"""Enclosures that a file itself names are cleaned like the recordings of a body."""

from __future__ import annotations

from feeds.model.articles import Draft, Enclosure
from tests.support.cleaning_samples import LINK, cleaned

AUDIO = "https://audio.harbour.example/1.mp3"


def enclosures(*addresses: str, html: str = "<p>It left at nine.</p>") -> list[tuple[str, int]]:
    named = tuple(Enclosure(url=address, type="audio/mpeg", length=9) for address in addresses)
    made = cleaned(Draft(link=LINK, html=html, enclosures=named))
    return [(enclosure.url, enclosure.length) for enclosure in made.article.enclosures]


def test_they_are_unproxied_and_lose_their_tracking() -> None:
    proxied = "https://images.weserv.nl/?url=audio.harbour.example/1.mp3&w=1"
    assert enclosures(proxied) == [(AUDIO, 9)]
    assert enclosures(f"{AUDIO}?utm_source=rss&part=2") == [(f"{AUDIO}?part=2", 9)]


def test_they_are_absolute_and_what_has_no_address_is_none() -> None:
    assert enclosures("/2026/1.mp3", "", "mailto:a@harbour.example", "file:///1.mp3") == [
        ("https://gazette.example.com/2026/1.mp3", 9)
    ]


def test_one_that_stands_in_the_body_too_is_one() -> None:
    assert enclosures(f"{AUDIO}?utm_source=rss", html=f'<audio src="{AUDIO}"></audio>') == [(AUDIO, 9)]
