"""Addresses of recordings: measuring prefixes and tracking parameters are removed, signed ones are kept."""

from __future__ import annotations

import pytest

from feeds.cleaning.media import MediaCleaner
from feeds.model.articles import Draft, Enclosure
from tests.support.cleaning_samples import LINK, cleaned, recipe_of

PREFIXED = [
    "https://dts.podtrac.com/redirect.mp3/{}",
    "https://www.podtrac.com/pts/redirect.ogg/{}",
    "https://chrt.fm/track/A1B2C3/{}",
    "https://chtbl.com/track/A1B2C3/{}",
    "https://media.blubrry.com/slow_bells/p/{}",
    "https://op3.dev/e/{}",
    "https://op3.dev/e,pg=917393e3-1b1e-5cef-ace4-edaa54e1f810/https://{}",
    "https://pscrb.fm/rss/p/{}",
    "https://verifi.podscribe.com/rss/p/{}",
    "https://pdst.fm/e/{}",
    "https://mgln.ai/e/12/{}",
    "https://claritaspod.com/measure/{}",
    "https://prfx.byspotify.com/e/{}",
    "https://arttrk.com/p/AB12/{}",
    "https://tracking.swap.fm/track/AB12/{}",
    "https://2.gum.fm/{}",
    "https://growx.podkite.com/https/AB12/{}",
    "https://pdrl.fm/ab12cd/{}",
    "https://flex.acast.com/{}",
    "https://anchor.fm/s/ab12/podcast/play/345/https%3A%2F%2F{}",
]
RECORDING = "cdn.bells.example/audio/2.mp3"


@pytest.mark.parametrize("prefix", PREFIXED)
def test_a_measuring_prefix_is_removed(prefix: str) -> None:
    media = MediaCleaner(LINK, recipe_of())
    assert media.clean(prefix.format(RECORDING)) == f"https://{RECORDING}"
    assert list(media.changes) == ["redirects"]


def test_prefixes_are_removed_in_any_order_and_number() -> None:
    address = RECORDING
    for prefix in (*PREFIXED[:-1], *reversed(PREFIXED[:-1])):
        address = prefix.format(address.removeprefix("https://"))
    assert MediaCleaner(LINK, recipe_of()).clean(address) == f"https://{RECORDING}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("https://cdn.example/1.mp3?utm_source=rss&id=4", "https://cdn.example/1.mp3?id=4"),
        ("https://traffic.libsyn.com/secure/a/1.mp3?dest-id=4", "https://traffic.libsyn.com/secure/a/1.mp3"),
        ("https://cdn.simplecast.com/1.mp3?aid=rss_feed&feed=ab", "https://cdn.simplecast.com/1.mp3"),
        ("https://pdst.fm/e/cdn.example/1.mp3?utm_source=a&b=c", "https://cdn.example/1.mp3?b=c"),
        ("https://traffic.megaphone.fm/AB.mp3?updated=17", "https://traffic.megaphone.fm/AB.mp3?updated=17"),
    ],
)
def test_tracking_parameters_are_removed(before: str, after: str) -> None:
    assert MediaCleaner(LINK, recipe_of()).clean(before) == after


@pytest.mark.parametrize(
    "parameter", ["Signature=ab", "X-Amz-Signature=ab", "hdnts=exp=1~hmac=2", "token=ab", "sig=ab", "md5=ab"]
)
def test_a_signed_address_keeps_its_parameters(parameter: str) -> None:
    signed = f"cdn.example/1.mp3?utm_source=rss&{parameter}"
    media = MediaCleaner(LINK, recipe_of())
    assert media.clean(f"https://op3.dev/e/{signed}") == f"https://{signed}"


@pytest.mark.parametrize(
    "address",
    [
        "https://media.blubrry.com/slow_bells/1.mp3",
        "https://op3.dev/e",
        "https://chrt.fm/",
        "https://anchor.fm/s/ab12/podcast/play/345/1.mp3",
        "https://dts.podtrac.com/redirect.ogg/1.ogg",
    ],
)
def test_what_names_no_other_host_is_kept(address: str) -> None:
    assert MediaCleaner(LINK, recipe_of()).clean(address) == address


def test_the_receipt_counts_enclosures_and_the_body_together() -> None:
    prefixed = PREFIXED[0].format(RECORDING)
    html = f'<p>Listen:</p><audio src="{prefixed}"></audio><p><a href="{prefixed}">MP3</a></p>'
    article = cleaned(
        Draft(link=LINK, html=html, enclosures=(Enclosure(url=prefixed, type="audio/mpeg", length=7),))
    )
    assert article.receipt.pieces["redirects"] == 3
    assert article.article.enclosures == (Enclosure(url=f"https://{RECORDING}", type="audio/mpeg", length=7),)
    off = MediaCleaner(LINK, recipe_of(rules="off: [redirects, tracking]"))
    assert off.clean(prefixed) == prefixed
    assert not off.changes
