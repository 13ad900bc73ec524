"""Edits of addresses: they change what they list and nothing else, settle at once, and never raise."""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from feeds.cleaning import pipeline, url_tracking, url_wrappers
from feeds.text import urls
from tests.support.cleaning_samples import recipe_of
from tests.support.examples import examples

RULES = """
redirects:
  - {hosts: [out.example.net], parameters: [u, url]}
  - {hosts: [go.example.net], path: '/to/(?P<target>.+)'}
  - {hosts: [pack.example.net], path: '/(?P<target>v[123]/.+)', decode: proofpoint}
  - {hosts: [base.example.net], parameters: [u], decode: base64}
tracking:
  anywhere: [kind=ad]
  paths: {'shop.*': ['/ref=[^/]*']}
proxies:
  - {hosts: [thumbs.example.net], path: '/unsafe/\\d+x\\d+/(?P<target>.+)'}
"""
RECIPE = recipe_of(rules=RULES)

_PIECES = st.sampled_from(
    (
        "https:// http:// // / ? & # = % %2F %3A %20 : @ [ ] . .. ; , | \\ é 港 \x00 \x1f \x85 \n \t "
        "\u200b \u2028 \ufeff \ud800 \udcff ssl: amp; #038; u= url= images.weserv.nl wsrv.nl "
        "thumbs.example.net/unsafe/1x1/ out.example.net go.example.net/to/ example.org utm_source=x "
        "fbclid=1 a=b ?url= &w=8 :443 :99999 127.0.0.1 1.2.3 [::1] javascript: mailto: data: "
        "pack.example.net/v2/url?u=https-3A__ pack.example.net/v3/__ __;w6k! ** * "
        "base.example.net?u= aHR0cHM6Ly9hLmI kind=ad kind=b shop.co.uk/a /ref=b /ref=/ref= %E6%B8%AF "
        "#:~:text=x xtor=1 www.youtube.com/watch?v=1&si=2 user@ xn-- ￿ ．"
    ).split(" ")
)
addresses = st.one_of(
    st.text(),
    st.lists(_PIECES, max_size=12).map("".join),
    # Characters that no address may hold, in each part of one.
    st.builds(
        "https://{}shop.co.uk{}/a{}/ref=b{}?{}kind=ad{}&a=b#{}xtor=1{}".format,
        *[st.sampled_from(["", "", "", *"\n\t\r\x00\x1f\x7f\x85\u200b\u2028\ufeff\ud800\udcff "])] * 8,
    ),
)


@given(addresses, addresses)
@settings(max_examples=examples(1500), deadline=None)
@example("https://images.weserv.nl/?url=" * 40 + "img.example.org/1.jpg", "")
@example("https://example.org/" + "038;#038;" * 2000, "")
@example("http://" * 3000, "http://[")
@example("https://\nshop.co.uk/a/ref=b\udcff", "")
@example("https://\n港?utm_source=\ud800", "")
@example("https://\nexample.org/?utm_source=" + "x" * urls.MAX_URL_CHARACTERS, "")
@example("https://a.example\u200bhttp://b.example/", "")
@example("https://\ufeffhttp://", "")
@example("https://out.example.net/?u=https://thumbs.example.net/unsafe/1x1/" * 15 + "example.org/", "")
def test_edits_never_raise_and_settle_at_once(url: str, base: str) -> None:
    edits: dict[str, Callable[[str], str]] = {
        "strip_tracking": lambda value: url_tracking.strip_tracking(value, RECIPE.tracking),
        "unproxy": lambda value: url_wrappers.unwrap(value, RECIPE.proxies),
        "unwrap_redirect": lambda value: url_wrappers.unwrap(value, RECIPE.redirects),
        "absolute": lambda value: urls.make_absolute(value, base),
        "canonical": urls.canonicalise,
        "clean_url": lambda value: pipeline.clean_url(value, RECIPE),
    }
    for name, edit in edits.items():
        once = edit(url)
        assert edit(once) == once, name
    urls.host(url)


@given(addresses)
@settings(max_examples=examples(800), deadline=None)
def test_an_absolute_address_is_ascii_has_a_host_and_one_of_the_allowed_schemes(url: str) -> None:
    made = urls.make_absolute(url, "https://example.org/a/")
    assert not made or re.fullmatch(r"(?:https?://[^/?#\s]+|mailto:)[\x21-\x7e]*", made, re.IGNORECASE)


_NAME = st.text("abcdefgxyzQ_%E6-[]", min_size=1, max_size=6).filter(lambda name: "%" not in name)
_KEPT = st.builds(lambda name, value: f"k{name}={value}", _NAME, st.text("abc+%2F:/?.|é港=", max_size=8))
_TRACKING = st.sampled_from(
    [
        "utm_source=rss",
        "utm_x",
        "fbclid=IwAR1",
        "__cft__[0]=AZ",
        "gclid=",
        "utm_medium%3Dfeed",
        "mc_cid=a+b",
        "kind=ad",
    ]
)


@given(
    st.sampled_from(["https://example.org/a", "http://例.example/%E6%B8%AF//x", "/relative?path"]),
    st.lists(st.tuples(st.booleans(), _KEPT, _TRACKING), max_size=6),
    st.sampled_from(["", "#part", "#221203", "#!/a=b"]),
)
@settings(max_examples=examples(500), deadline=None)
def test_stripping_takes_exactly_the_listed_pairs(
    base: str, pairs: list[tuple[bool, str, str]], fragment: str
) -> None:
    joiner = "&" if "?" in base else "?"
    given_pairs = [kept if keep else tracking for keep, kept, tracking in pairs]
    kept_pairs = [kept for keep, kept, _ in pairs if keep]
    url = base + (joiner + "&".join(given_pairs) if given_pairs else "") + fragment
    expected = base + (joiner + "&".join(kept_pairs) if kept_pairs else "") + fragment
    assert url_tracking.strip_tracking(url, RECIPE.tracking) == expected


@given(
    st.from_regex(
        r"https?://[a-z]{1,8}\.example\.(org|com)(:80)?/[A-Za-z0-9/._~%-]{0,20}(\?[a-z=&+/?]{0,12})?",
        fullmatch=True,
    )
)
@settings(max_examples=examples(300), deadline=None)
def test_a_good_address_stays_byte_for_byte(url: str) -> None:
    url = re.sub("%(?![0-9A-Fa-f]{2})", "", url)
    assert urls.make_absolute(url, "https://other.example/") == url
    assert url_tracking.strip_tracking(url, RECIPE.tracking) == url
    assert url_wrappers.unwrap(url, RECIPE.proxies) == url


@given(st.from_regex(r"[a-z]{1,6}\.example\.org/[a-z0-9/._-]{1,20}", fullmatch=True), st.integers(0, 6))
@settings(max_examples=examples(200), deadline=None)
def test_a_proxied_original_comes_out_whole_however_deep_it_lies(original: str, depth: int) -> None:
    layers = ["images.weserv.nl/?url=", "wsrv.nl?url=", "thumbs.example.net/unsafe/8x8/"]
    url = "https://" + "".join(layers[n % 3] for n in range(depth)) + original
    assert url_wrappers.unwrap(url, RECIPE.proxies) == "https://" + original


@given(
    st.sampled_from(["https://www.shop.co.jp", "http://shop.example:80"]),
    st.lists(st.tuples(st.booleans(), st.text("abc-%E6./", min_size=1, max_size=6)), max_size=5),
    st.sampled_from(["", "?a=/ref=b", "#/ref=c", "?ref=/ref=d"]),
)
@settings(max_examples=examples(200), deadline=None)
def test_of_a_path_go_exactly_the_listed_pieces(base: str, pieces: list[tuple[bool, str]], rest: str) -> None:
    path = [(keep, piece.replace("/", "")) for keep, piece in pieces]
    url = base + "".join(f"/{piece}" if keep else f"/ref={piece}" for keep, piece in path) + rest
    expected = base + "".join(f"/{piece}" for keep, piece in path if keep) + rest
    assert url_tracking.strip_tracking(url, RECIPE.tracking) == expected


def test_a_name_under_any_countrys_domain_is_no_host_of_another_ones() -> None:
    assert "shop.*" in urls.host_keys("www.shop.co.uk")
    assert {"shop.*", "books.shop.*"} <= set(urls.host_keys("books.shop.com"))
    assert "shop.*" not in urls.host_keys("shop.evil.example")
    assert "127.*" not in urls.host_keys("127.0.0.1")
    assert urls.host_keys("") == ("",)
