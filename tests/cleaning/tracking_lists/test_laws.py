"""What holds of any lists over any addresses: only what is listed goes, at once, and nothing raises."""

from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from feeds.cleaning import pipeline, tracking_lists, url_tracking, url_wrappers
from feeds.config.loader import load_packs
from feeds.model.errors import ConfigError
from tests.support.examples import examples
from tests.support.tracking_list_samples import recipe_with

_PROVIDERS = {
    "everywhere": {"urlPattern": ".*", "rules": ["gz_[a-z]*", "ref"], "exceptions": ["keep=1"]},
    "shop": {
        "urlPattern": "^https?:\\/\\/(?:[a-z0-9-]+\\.)*?shop(?:\\.[a-z]{2,}){1,}",
        "rules": ["tag"],
        "rawRules": ["/ref=[^/?#]*", "\\?pc$", "x$"],
        "redirections": ["\\/out\\?.*?to=([^&]*)", "^[^?]*\\?(.*)"],
    },
    "odd": {"urlPattern": "odd", "rawRules": ["[a-c]", "#.*"], "redirections": [".*u=([^&]*)"]},
}
_FILTERS = """
$removeparam=from
||bare.example^$removeparam
||inverse.example^$removeparam=~id
$removeparam=/^at_.*=[0-9]+$/
*?a=*$removeparam=b
@@||shop.example/keep^$removeparam=from
"""
TEXTS = (json.dumps({"providers": _PROVIDERS}), _FILTERS)
RECIPE = recipe_with(*TEXTS, packs=load_packs())

_PIECES = st.sampled_from(
    (
        "https:// http:// // / ? & # = % %2F %3A %3D : @ [ . , é 港 \x00 \u200b \udcff \n amp; #038; u= "
        "to= www.shop.co.uk/ shop.example/out? odd.example bare.example inverse.example urldefense.com/v3/__ "
        "__; images.weserv.nl/?url= www.google.de/amp/s/ www.bing.com/ck/a?u=a1 aHR0cHM6Ly9hLmI * ** !! "
        "gz_a=1 ref=b tag=3 from=x at_x=12 a=1 b=2 id=1 keep=1 keep /ref=abc ?pc x utm_source=x "
        "www.amazon.co.jp/dp/ref=a :~:text=x #:~: HTTP:// SHOP.EXAMPLE/ shop.example:80 user@ "
        "https%3A%2F%2F https%253A"
    ).split(" ")
)
addresses = st.one_of(st.text(), st.lists(_PIECES, max_size=12).map("".join))


@given(addresses)
@settings(max_examples=examples(1200), deadline=None)
@example("https://shop.example/" + "?pc" * 300)
@example("https://www.shop.co.uk/?https://shop.example/out?to=" * 30)
@example("https://\nwww.amazon.co.jp/dp/ref=a\udcff")
@example("https://www.google.de/amp/s/images.weserv.nl/?url=harbour.example/1.jpg")
@example("https://urldefense.com/v3/__" * 20 + "https://a.b/**A*__;YWJjZA!!")
def test_edits_by_lists_never_raise_and_settle_at_once(url: str) -> None:
    edits: list[Callable[[str], str]] = [
        lambda value: url_tracking.strip_tracking(value, RECIPE.tracking),
        lambda value: url_tracking.strip_tracking(value, RECIPE.tracking, picture=True),
        lambda value: url_wrappers.unwrap(value, RECIPE.redirects),
        lambda value: pipeline.clean_url(value, RECIPE),
    ]
    for edit in edits:
        once = edit(url)
        assert edit(once) == once


_KEPT = st.builds(
    lambda name, value: f"k{name}={value}",
    st.text("abcQ_E6-[]", min_size=1, max_size=6),
    st.text("abc+%2F:/?.|é港=", max_size=8),
)
_LISTED = st.sampled_from(
    ["gz_src=rss", "GZ_a", "ref=%E6%B8%AF", "from=", "at_x=12", "gz_b%3Dfeed", "from=a+b"]
)


@given(
    st.sampled_from(["https://example.org/a", "http://例.example/%E6%B8%AF//x", "/relative?path"]),
    st.lists(st.tuples(st.booleans(), _KEPT, _LISTED), max_size=6),
    st.sampled_from(["", "#part", "#221203", "#!/a=b"]),
)
@settings(max_examples=examples(400), deadline=None)
def test_lists_take_exactly_the_listed_pairs(
    base: str, pairs: list[tuple[bool, str, str]], fragment: str
) -> None:
    joiner = "&" if "?" in base else "?"
    before = [kept if keep else listed for keep, kept, listed in pairs]
    after = [kept for keep, kept, _ in pairs if keep]
    url = base + (joiner + "&".join(before) if before else "") + fragment
    expected = base + (joiner + "&".join(after) if after else "") + fragment
    assert url_tracking.strip_tracking(url, recipe_with(*TEXTS).tracking) == expected


def read_or_refused(text: str) -> tuple[tracking_lists.TrackingList | None, str]:
    try:
        return tracking_lists.read(text, "list"), ""
    except ConfigError as error:
        return None, str(error)


_WORDS = st.sampled_from(
    (
        "$removeparam = ~ / , | || ^ * @@ domain= a.example b.* /x/ (a+)+ \\, i ,doc ,badfilter ! # \n "
        '{ } [ ] " : providers urlPattern rules .* ( ) \\\\ é \udcff'
    ).split(" ")
)


@given(st.one_of(st.text(), st.lists(_WORDS, max_size=25).map("".join)), addresses)
@settings(max_examples=examples(500), deadline=None)
def test_any_text_is_a_list_or_refused_and_whatever_it_says_does_no_harm(text: str, url: str) -> None:
    _, fault = read_or_refused(text)
    assert not fault or fault.startswith("list:")
    if fault:
        return
    tracking = recipe_with(text).tracking
    once = url_tracking.strip_tracking(url, tracking)
    assert url_tracking.strip_tracking(once, tracking) == once
    assert len(once) <= len(url)


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from([".*", "(", "a", "^https?://b\\.c"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["providers", "urlPattern", "rules", "rawRules", "redirections", "exceptions", "a"]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=20,
)


@given(_JSON)
@settings(max_examples=examples(300), deadline=None)
def test_any_json_is_a_list_or_refused(data: object) -> None:
    text = json.dumps({"providers": data})
    read, fault = read_or_refused(text)
    assert not fault or fault.startswith("list:1: providers: ")
    if read is None:
        return
    assert all(line.startswith("list: providers.") for line in read.unusable)
    pipeline.clean_url("https://b.c/?a=1#a=b", recipe_with(text))
