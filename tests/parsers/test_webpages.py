"""Saved web pages: what pages/*.html give, told beside them as JSON; and what no page may do to a run."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds import parsers
from feeds.cleaning import limits
from feeds.model.articles import Draft
from feeds.model.errors import ReadError
from feeds.parsers import webpage
from feeds.parsers.document import Document
from feeds.parsers.webpage import canonical_url
from tests.support.examples import examples
from tests.support.webpage_samples import PAGES, page_as_json

HEAD = (
    '<!doctype html><html><head><link rel="canonical" href="https://gazette.example.com/x"><title>T</title>'
)
PROSE = "<p>The ferry waits for the bread, and the bread waits for nobody at all on a Thursday.</p>"


def page(body: str, head: str = "") -> Draft:
    (draft,) = parsers.parse_drafts(f"{HEAD}{head}</head><body>{body}</body></html>".encode(), "page.html")
    return draft


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in PAGES])
def test_page(path: Path) -> None:
    assert page_as_json(path) == json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def test_every_page_has_its_expectation() -> None:
    assert len(PAGES) >= 22
    assert {path.with_suffix(".json") for path in PAGES} == set(PAGES[0].parent.glob("*.json"))


# -- what is a page ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "opening",
    [
        "<!DOCTYPE html>",
        "\ufeff\n <!doctype HTML PUBLIC>",
        "<html lang=en>",
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>',
        "<!-- saved from url=(0014)about:internet -->\n<html>",
        "<!--[if IE]>--><!-- x --><html>",
        "<head>",
        "<meta charset=utf-8>",
    ],
)
def test_a_page_is_recognised_by_its_opening(opening: str) -> None:
    assert webpage.can_parse(Document(opening.encode(), "a.md"))
    if not opening.startswith("\ufeff"):
        assert webpage.can_parse(Document(("\ufeff" + opening).encode("utf-16-le"), "a.md"))


@pytest.mark.parametrize(
    "opening",
    [
        "<!--1775268293000-->\n[T](https://a.example.com/1)\n------\n<html>",
        "<!-- NaN --><html>",
        "---\ntitle: <html>\n---\n<html>",
        "[T](https://a.example.com/1)\n------\n<html>",
        '<?xml version="1.0"?><rss version="2.0">',
        "<headline>",
        "<!-- never closed <html>",
        "<p>Only a piece of a page</p>",
        "\x00\x01<html>",
    ],
)
def test_other_files_are_no_pages(opening: str) -> None:
    assert not webpage.can_parse(Document(opening.encode(), "page.html"))


# -- encodings --------------------------------------------------------------------------------------------

CHINESE = "望潮角燈塔在去年冬天改成了自動點燈，守燈人卻沒有馬上搬走。他說還有一本日誌沒寫完。" * 2
FRENCH = "L’été, la péniche n’ouvre qu’à six heures ; les pêcheurs s’y sont habitués depuis longtemps."


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        (CHINESE, "big5", "big5"),
        (CHINESE, "big5", ""),
        (CHINESE, "gb18030", "gb2312"),
        (CHINESE, "gb18030", ""),
        (CHINESE, "gb18030", "utf-8"),
        (CHINESE, "utf-8", "gb2312"),
        (CHINESE, "utf-16", ""),
        (FRENCH, "cp1252", "iso-8859-1"),
        (FRENCH, "cp1252", "no-such-encoding"),
        (FRENCH, "utf-8", "iso-8859-1"),
        (
            "Паром пришёл в шесть утра, и на пристани не было никого, кроме сторожа и его собаки.",
            "koi8-r",
            "koi8-r",
        ),
        (
            "港の食堂は朝六時に開く。最初の客はいつも同じ漁師で、いつも同じ席に座る。" * 2,
            "cp932",
            "shift_jis",
        ),
        (
            "항구 식당은 아침 여섯 시에 문을 연다. 첫 손님은 늘 같은 어부이고 늘 같은 자리에 앉는다." * 2,
            "cp949",
            "euc-kr",
        ),
    ],
)
def test_a_page_is_decoded(text: str, encoding: str, declared: str) -> None:
    meta = f"<meta charset={declared}>" if declared else ""
    (draft,) = parsers.parse_drafts(f"{HEAD}{meta}<body><p>{text}</p>".encode(encoding), "page.html")
    assert draft.html == f"<p>{text}</p>"


def test_a_character_that_was_cut_in_half_costs_no_page() -> None:
    data = f"{HEAD}<meta charset=utf-8><body><p>{CHINESE * 3}</p>".encode()
    (draft,) = parsers.parse_drafts(data[:-7] + data[-5:], "page.html")
    assert draft.html.count("\ufffd") == 1


# -- addresses --------------------------------------------------------------------------------------------

SITE = "https://gazette.example.com"


@pytest.mark.parametrize(
    ("canonical", "stated", "saved", "link"),
    [
        (f"{SITE}/a", [f"{SITE}/b"], f"{SITE}/c", f"{SITE}/a"),
        ("", [f"{SITE}/b"], f"{SITE}/c", f"{SITE}/b"),
        ("", [], f"{SITE}/c#part", f"{SITE}/c"),
        (f"{SITE}/", [SITE], f"{SITE}/c", f"{SITE}/c"),
        (f"{SITE}/index.html", [], f"{SITE}/c", f"{SITE}/c"),
        (f"{SITE}/", [], "", f"{SITE}/"),
        ("/a", [], f"{SITE}/c", f"{SITE}/a"),
        ("a.html", [f"{SITE}/d/b.html"], "", f"{SITE}/d/a.html"),
        ("/a", [], "", ""),
        ("http://localhost:3000/a", [f"{SITE}/b"], "", f"{SITE}/b"),
        ("file:///home/x/a.html", [], f"{SITE}/c", f"{SITE}/c"),
        ("https://gazette-example-com.cdn.ampproject.org/c/s/gazette.example.com/a", [], "", f"{SITE}/a"),
        (f"https://web.archive.org/web/20200102030405id_/{SITE}/a", [], "", f"{SITE}/a"),
        (f"https://archive.ph/2020.01.02-030405/{SITE}/a", [], "", f"{SITE}/a"),
        (f"{SITE}/#!/a", [], "", f"{SITE}/#!/a"),
    ],
)  # fmt: skip
def test_the_address_of_a_page(canonical: str, stated: list[str], saved: str, link: str) -> None:
    assert canonical_url.choose(canonical, stated, saved, "") == link


@pytest.mark.parametrize(
    ("note", "address"),
    [
        (
            "<!--\n Page saved with SingleFile \n url: https://a.example.com/b?c=1 \n",
            "https://a.example.com/b?c=1",
        ),
        ("<!-- saved from url=(0024)https://a.example.com/b -->", "https://a.example.com/b"),
        (
            "<!-- Mirrored from a.example.com/b.html by HTTrack Website Copier/3.x",
            "http://a.example.com/b.html",
        ),
        ("<p>saved from a fire</p>", ""),
    ],
)
def test_tools_note_where_a_page_comes_from(note: str, address: str) -> None:
    assert canonical_url.find_saved_url(f"<!doctype html>\n{note}") == address


# -- titles and bodies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Salt - The Gazette", "Salt"),
        ("Salt - Water - The Gazette", "Salt - Water"),
        ("Salt_The Gazette", "Salt"),
        ("Salt | THE GAZETTE", "Salt"),
        ("Salt - Pepper", "Salt - Pepper"),
        ("The Gazette", "The Gazette"),
        ("On reading The Gazette", "On reading The Gazette"),
    ],
)
def test_only_the_sites_own_name_is_cut_off_a_title(title: str, expected: str) -> None:
    metas = (
        f'<meta property="og:site_name" content="The Gazette"><meta property="og:title" content="{title}">'
    )
    assert page(PROSE, metas).title == expected


def test_classes_of_topics_are_no_names_of_furniture() -> None:
    post = f'<div class="post category-newsletters tag-advertising">{PROSE}</div>'
    assert PROSE in page(f"{post}<div class='newsletter'>{PROSE.replace('bread', 'mail')}</div>").html
    assert "mail" not in page(f"{post}<div class='newsletter'>{PROSE.replace('bread', 'mail')}</div>").html


def test_a_page_from_right_to_left_stays_so() -> None:
    data = f"{HEAD.replace('<html>', '<html dir=rtl>')}<body>{PROSE * 2}<p dir=ltr>x</p>".encode()
    (draft,) = parsers.parse_drafts(data, "page.html")
    assert draft.html.count('<p dir="rtl">') == 2
    assert '<p dir="ltr">' in draft.html


def test_what_the_body_plays_is_no_enclosure_twice() -> None:
    metas = '<meta property="og:video" content="/a.mp4"><meta property="og:audio" content="/b.mp3">'
    draft = page(f'{PROSE}<video src="/a.mp4"></video>', metas)
    assert [enclosure.url for enclosure in draft.enclosures] == ["https://gazette.example.com/b.mp3"]


@pytest.mark.parametrize(
    ("declared", "text", "language"),
    [
        ("en_us", PROSE, "en-us"),
        ("zh-Hant-TW", PROSE, "zh-Hant-TW"),
        ("en", f"<p>{CHINESE}</p>", ""),
        ("und", PROSE, ""),
        ("{{lang}}", PROSE, ""),
    ],
)
def test_the_language_of_a_page(declared: str, text: str, language: str) -> None:
    data = f"{HEAD.replace('<html>', f'<html lang={declared!r}>')}<body>{text}".encode()
    assert parsers.parse_drafts(data, "page.html")[0].language == language


# -- what nobody saved in good faith ----------------------------------------------------------------------


def json_ld_page(json_ld: str) -> str:
    """A page with prose and this JSON-LD."""
    return f'{HEAD}<script type="application/ld+json">{json_ld}</script><body>{PROSE}'


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}<body>{'<div>' * 100_000}{PROSE}",
        f"{HEAD}<body>{'<div>' * 50_000}{PROSE}",
        f"{HEAD}<body>{'<p><b><i>' * 9_000}{PROSE}",
        f"{HEAD}<body>{'<div class=entry-content>abc</div>' * 25_000}",
        f"{HEAD}<body class='{'a ' * 2_000_000}'>{PROSE}",
        f"{HEAD}<body><div {' '.join(f'a{n}=1' for n in range(100_000))}>{PROSE}",
        json_ld_page('{"a":' * 10_000 + "1" + "}" * 10_000),
        json_ld_page('{"@type":"Article","headline":"' + "x" * 1_000_000 + '"}'),
        json_ld_page('{"@type":"Article","headline":NaN,"author":{"@id":"#a"},"author":[[1]]}'),
        json_ld_page('{"@type":"Article","headline":' + "9" * 9_000 + "}"),
        f"{HEAD}<meta {'<meta ' * 20_000}<body>{PROSE}",
        f"{HEAD}<title>{' - ' * 300_000}</title><body>{PROSE}",
        f"<?xml {HEAD}<body>{'data:image/png;base64,' * 100_000}",
        "<!--" * 500_000 + HEAD,
    ],
    ids=lambda text: f"{len(text)} of {text[len(HEAD) : len(HEAD) + 24]}",
)  # fmt: skip
def test_a_hostile_page_costs_little(text: str) -> None:
    start = time.process_time()
    with suppress(ReadError):
        parsers.parse_drafts(text.encode(), "page.html")
    assert time.process_time() - start < 10


def test_inlined_pictures_are_no_part_of_a_body() -> None:
    picture = f"<img src=data:image/png;base64,{'QUJD' * 400_000} alt=Lost>"
    assert page(PROSE * 5 + picture * 6).html == PROSE * 5
    draft = page(f"{PROSE}<a href=/full.jpg>{picture}</a>")
    assert 'src="https://gazette.example.com/full.jpg"' in draft.html
    assert len(draft.html) < limits.MAX_CHARACTERS


def test_a_page_of_any_size_is_read_up_to_its_bound() -> None:
    most = f"<img src=data:image/png;base64,{'QUJD' * 1_000_000}>" * 7
    assert len(most) > 28_000_000
    assert page(PROSE + most).html == PROSE
    with pytest.raises(ReadError, match="larger than 32 MB"):
        page(PROSE + most * 2)
    with pytest.raises(ReadError, match="larger than 6000000 characters or 60000 tags"):
        page("<p>" * 60_000)


_WORDS = (
    "<!doctype_html> <html> <html_lang=zh-Hans> <head> </head> <body> <body_dir=rtl> "
    "<base_href='/b/'> <base_href='http://['> "
    "<link_rel=canonical_href=https://gazette.example.com/x> <link_rel=canonical_href=/> "
    "<link_rel=canonical_href='//[x'> <meta_property=og:url_content='http://a.example.com/b'> "
    "<meta_property=og:title_content='a_-_b'> <meta_property=og:site_name_content=b> "
    "<meta_name=date_content=2026-13-45> <meta_charset=big5> <meta_charset='x\0'> "
    "<meta_property=article:published_time_content=9999-12-31T23:59:59-23:59> "
    "<meta_name=author_content='by_'> <meta_property=og:image_content='http://[::1'> "
    "<meta_property=og:video_content=/a.mp4> <title> </title> <h1> </h1> <p> </p> <article> "
    "</article> <div_class=comments> <div_class=entry-content> <div_itemprop=articleBody> </div> "
    '<nav> <aside> <script_type=application/ld+json> {"@type":"Article","url": [ ] } '
    '{"@graph":[{"@id":1}]} "http://x.example.com" </script> <img_src=data:,> '
    "<img_srcset='a_1x,_b_2x'> <amp-img_src=a> <a_href=/c.jpg> <a_rel=tag> </a> <time_datetime=x> "
    "<table> <td> <svg> <math> <template> <frameset> <noscript> <select> <textarea> <plaintext> <!-- "
    "--> <![CDATA[ &#0; &amp;#x; <time_itemprop=datePublished> <span_itemprop=author_itemscope> "
    "<input_type=password> <b> <font> "
    "The_ferry_waits_for_the_bread,_and_the_bread_waits_for_nobody_at_all_on_a_Thursday."
)
_BITS = st.sampled_from([word.replace("_", " ").encode() for word in _WORDS.split(" ")])
_BYTES = st.one_of(_BITS, st.binary(max_size=4))
soup = st.lists(_BYTES, max_size=40).map(lambda bits: b"".join([HEAD.encode(), *bits]))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sample page with pieces cut, put in, doubled or overwritten."""
    data = draw(st.sampled_from(PAGES)).read_bytes()
    for _ in range(draw(st.integers(1, 8))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 60))
        piece = draw(st.one_of(_BITS, st.binary(max_size=6), st.just(data[start:end] * 2), st.just(b"")))
        data = data[:start] + piece + data[end:]
    return data


@given(st.one_of(soup, damaged(), st.lists(_BYTES, max_size=30).map(b"".join)))
@settings(max_examples=examples(600), deadline=None)
def test_any_bytes_give_a_draft_or_a_read_error(data: bytes) -> None:
    try:
        drafts = webpage.parse(Document(data, "page.html"))
    except ReadError:
        return
    (draft,) = drafts
    assert draft.link.startswith("http")
    assert draft.title == draft.title.strip()
    for moment in (draft.published, draft.updated):
        assert moment is None or moment.tzname() == "UTC"
    assert all(draft.authors)
    assert all(draft.tags)
    assert all(enclosure.url.startswith("http") for enclosure in draft.enclosures)
    assert not draft.image or draft.image.startswith("http")
    "".join([draft.html, draft.title, draft.summary, draft.site_title, *draft.authors, *draft.tags]).encode()
