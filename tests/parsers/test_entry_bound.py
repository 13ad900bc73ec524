"""The first entries of a document are read; the rest is counted, and ten of them are named."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from feeds import parsers
from feeds.model.errors import ReadError
from feeds.parsers import MAX_ENTRIES, xml_repair

MORE = 15
COUNT = MAX_ENTRIES + MORE


def link(number: int) -> str:
    return f"https://a.example/{number}"


def items(count: int, name: str = "item") -> str:
    return "".join(f"<{name}><link>{link(number)}</link></{name}>" for number in range(1, count + 1))


def rss(body: str) -> bytes:
    return f"<rss><channel><title>Gazette</title>{body}</channel></rss>".encode()


def atom(count: int) -> bytes:
    entries = "".join(f'<a:entry><a:link href="{link(number)}"/></a:entry>' for number in range(1, count + 1))
    return f'<a:feed xmlns:a="http://www.w3.org/2005/Atom">{entries}</a:feed>'.encode()


def json_feed(count: int, **fields: object) -> bytes:
    """Write a JSON Feed; the last item, and those beyond the bound, have the fields."""
    entries = [
        {"url": link(number), **(fields if number > min(count - 1, MAX_ENTRIES) else {})}
        for number in range(1, count + 1)
    ]
    version = "https://jsonfeed.org/version/1.1"
    return json.dumps(
        {"version": version, "items": entries, "title": "Gazette", "home_page_url": link(0)}
    ).encode()


FEEDS = {
    "RSS": rss(items(COUNT)),
    "RSS, cut off": rss(items(COUNT)).partition(b"</channel>")[0],
    "RSS, not well-formed from the start": rss("<a></b>" + items(COUNT)),
    "RSS, not well-formed beyond the bound": rss(items(COUNT) + "<a></b>"),
    "RSS 1.0": f"<rdf:RDF xmlns='http://purl.org/rss/1.0/'>{items(COUNT)}</rdf:RDF>".encode(),
    "Atom": atom(COUNT),
    "JSON Feed": json_feed(COUNT),
    "JSON Feed, with more lists than are read": json_feed(COUNT, x=[[]] * 40_000),
}


QUICK = ("RSS", "JSON Feed, with more lists than are read")
"""The feeds that every run reads."""


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(data, id=name, marks=() if name in QUICK else pytest.mark.slow)
        for name, data in FEEDS.items()
    ],
)
def test_the_first_entries_are_read_and_ten_others_are_named(data: bytes) -> None:
    result = parsers.parse_file(data, "a")
    assert [draft.link for draft in result.drafts] == [link(number) for number in range(1, MAX_ENTRIES + 1)]
    names = [f"a entry {MAX_ENTRIES + number}" for number in range(1, 11)]
    assert [item.name for item in result.skipped] == [*names, f"a entries {MAX_ENTRIES + 11} to {COUNT}"]
    assert sum(item.count for item in result.skipped) == MORE
    assert {item.reason for item in result.skipped} == {
        "only the first 10,000 entries of a document are read"
    }
    assert parsers.summarise_skipped(result.skipped, "a").endswith(f"; and {MORE - 5} more")


@pytest.mark.parametrize(
    "data", [pytest.param(rss(items(MAX_ENTRIES)), marks=pytest.mark.slow), json_feed(MAX_ENTRIES)]
)
def test_as_many_entries_as_the_bound_are_all_read(data: bytes) -> None:
    result = parsers.parse_file(data, "a")
    assert (len(result.drafts), result.skipped) == (MAX_ENTRIES, [])


@pytest.mark.parametrize("broken", ["", "<a></b>"])
def test_entries_within_comments_and_texts_do_not_count(broken: str) -> None:
    many = "<item>]]" * (MAX_ENTRIES + 1)
    data = rss(f"<description><![CDATA[{many}]]></description><!--{many}-->{items(3)}{broken}")
    result = parsers.parse_file(data, "a")
    assert (len(result.drafts), result.skipped) == (3, [])


def test_the_tail_of_a_json_feed_is_read_although_its_items_are_cut() -> None:
    draft = parsers.parse_file(json_feed(COUNT, x=[[]] * 40_000), "a").drafts[0]
    assert (draft.site_title, draft.site_home) == ("Gazette", link(0))


def test_a_feed_with_too_many_elements_is_read_as_far_as_they_are_within_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(xml_repair, "MAX_ELEMENTS", 1_000)
    result = parsers.parse_file(rss(items(600)), "a")
    assert len(result.drafts) == 498  # rss, channel, title, and two for each item
    assert [item.name for item in result.skipped[:2]] == ["a entry 499", "a entry 500"]
    assert sum(item.count for item in result.skipped) == 102


def test_a_raised_bound_reads_files_again() -> None:
    assert parsers.VERSION % 1_000_000 == MAX_ENTRIES  # `Store.read_again_by` compares the version


def test_lists_of_one_item_of_a_json_feed_are_bounded() -> None:
    attachments = [{"url": link(number)} for number in range(100)]
    names = [str(number) for number in range(2_000)]
    authors = [{"name": name} for name in names]
    draft = parsers.parse_file(
        json_feed(1, attachments=attachments, tags=names, authors=authors), "a"
    ).drafts[0]
    assert (len(draft.enclosures), len(draft.tags), len(draft.authors)) == (50, 1_000, 1_000)


def test_json_of_lists_alone_is_refused() -> None:
    with pytest.raises(ReadError, match="more than 500000 lists and objects"):
        parsers.parse_file(json_feed(1, x=[[]] * 500_001), "a")


def test_brackets_in_texts_are_no_lists() -> None:
    result = parsers.parse_file(json_feed(2, content_text='[{\\"' * 130_000), "a")
    assert (len(result.drafts), result.skipped) == (2, [])


def test_members_are_not_read_after_the_articles_that_an_archive_may_have() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for number in range(14):
            archive.writestr(f"{number:02}.json", json_feed(MAX_ENTRIES))
    result = parsers.parse_file(data.getvalue(), "a.zip")
    assert len(result.drafts) == parsers.MAX_ARCHIVE_ARTICLES
    names = [f"a.zip/{number:02}.json" for number in range(2, 12)]
    assert [item.name for item in result.skipped] == [*names, "a.zip other members"]
    assert sum(item.count for item in result.skipped) == 12
