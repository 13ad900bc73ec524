"""The laws of cleaning (docs/cleaning.md#guarantees), over generated bodies, the samples, and other people's
articles.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.cleaning import pipeline, url_wrappers
from feeds.model.articles import Draft
from tests.support.article_html import articles, soup
from tests.support.cleaning_laws import assert_settled, forbidden
from tests.support.cleaning_samples import (
    LINK,
    SEEDS,
    cleaned_body,
    drafts,
    recipe_of,
    unseen_removed,
    visible,
)
from tests.support.examples import examples, sampled

DW = "https://www.dw.com/zh/x/a-9000002"
RFA = "https://www.rfa.org/mandarin/sample-1.html"
LINKS = st.sampled_from([LINK, DW, RFA])
BODIES = st.one_of(articles, soup, st.text())


@given(BODIES, LINKS)
@settings(max_examples=examples(600), deadline=None)
def test_cleaning_twice_is_cleaning_once(html: str, link: str) -> None:
    assert_settled(cleaned_body(html, link), link)


@given(
    BODIES,
    LINKS,
    st.sets(st.sampled_from(["drop", "embeds", "foreign", "addresses", "media", "lazy-images"])),
)
@settings(max_examples=examples(400), deadline=None)
def test_only_allowed_elements_attributes_and_schemes_come_out(html: str, link: str, off: set[str]) -> None:
    found = forbidden(cleaned_body(html, link, off=tuple(off)).html)
    if "addresses" in off:  # then they may be relative, or missing
        found = [fault for fault in found if re.search(r"=['\"]\s*(?:javascript|data|file|about):", fault)]
    assert not found


@given(articles, LINKS)
@settings(max_examples=examples(400), deadline=None)
def test_text_survives(html: str, link: str) -> None:
    drop = recipe_of(link).drop
    body = cleaned_body(html, link, off=("footers", "stamp", "embeds"))
    assert visible(body.html) == visible(html, without=drop)


@pytest.mark.parametrize("rule", ["footers", "stamp"])
@given(html=articles)
@settings(max_examples=examples(150), deadline=None)
def test_footers_and_stamps_take_only_their_own_words(rule: str, html: str) -> None:
    before = visible(cleaned_body(html, off=("footers", "stamp")).html)
    other = {"footers", "stamp"} - {rule}
    after = visible(cleaned_body(html, off=tuple(other)).html)
    own = {"footers": "获取更多RSS：https://feedx.net", "stamp": "林知夏2026-03-29T11:52:18.204Z"}[rule]
    gone = len(before) - len(after)
    if rule == "footers":
        assert before.replace(own, "") == after.replace(own, "")
        assert gone % len(own) == 0
    else:
        assert before.endswith(after)
        assert re.fullmatch(f"(?:{re.escape(own)}|Sat,04Apr202602:04:53GMT)*", before[:gone])


# -- other people's articles ------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["samples", "seeds", "corpus"])
def found(request: pytest.FixtureRequest) -> tuple[Draft, ...]:
    """The drafts of one folder: the project's samples, the reference articles, every third of the corpus
    (the quality gate reads all of it).
    """
    if request.param == "samples":
        return drafts(SEEDS)
    shared: Path = request.getfixturevalue("shared")
    return drafts(shared / request.param, sampled(3) if request.param == "corpus" else 1)


def test_every_real_article_is_settled_and_harmless(found: tuple[Draft, ...]) -> None:
    for draft in found:
        body = cleaned_body(draft.html, draft.link)
        assert_settled(body, draft.link)
        assert not forbidden(body.html), draft.link


# Rules that take, decode or move text on purpose; cases and the next test tell which.
_CHANGE_TEXT = frozenset(
    "footers endings passages stamp bylines placeholders captions asides emphasis embeds entities emails "
    "emoji".split()
)


def test_no_text_of_a_real_article_is_lost(found: tuple[Draft, ...]) -> None:
    for draft in found:
        made = recipe_of(draft.link)
        recipe = replace(made, off=made.off | _CHANGE_TEXT, drop_if=())
        body = pipeline.clean_body(draft.html, link=draft.link, recipe=recipe)
        assert visible(body.html) == visible(draft.html, without=made.drop), draft.link


# What a mirror's footer says, and what a stamp looks like, told apart from the packs' own patterns.
_FOOTER = re.compile(
    r"获取更多RSS：(?:https://feedx\.(?:net|xyz|best))+|\.\.\.more\Z"
    r"|（欢迎点击此处订阅(?:NYT简报|时报中文简报)[^）]*）|《时事大家谈》YouTube播放列表：http://bit\.ly/VOAIO-youtube"
    r"|时事大家谈每星期[^。]*敬请收看。|网络收看方式：大纪元新闻网：.*?djy\.news|【支持】.*?donate\.epochtimes\.com"
    r"|欢迎订阅德国之声“[^”]{1,20}”播客.{1,200}?/id\d+\?l=de|Forfullaccesstoprint,.{1,80}?/intelligenceoffer"
    r"|Editor’snote:Someofourcovid-19coverage.*?ourhub"
    r"|Thepost.{1,300}?(?:appearedfirst|firstappeared)on(?:中国数字时代|BitterWinter)\.$"
    r"|寒冬記者[^，。]{2,12}?(?=Thepost|\Z)|作者：[^，。：（]{2,20}（[A-Z][A-Za-z]{1,40}）"
    r"|©[^|©]{1,60}for中国数字时代,get_post_time\('Y'\)\.\|Permalink\|.{1,400}?FeedenhancedbyBetterFeedfromOzh"
    r"|—*(?:微信搜索“燕京书评”（Pekingbooks）：重申文化想象，重塑文字力量。?"
    r"|请微信搜索关注公众号“全现在”，朋友圈的世界也会不一样。)|點擊此處訂閱我們的英文單月刊Change"
)
# What authors sign their articles with.
_SIGNED = re.compile(
    r"🎬📚|(?:Patreon\(課金\):)?https://www\.patreon\.com/movistoryhk|YouTube:https://www\.youtube\.com/channel/UCNJLkyS-CZ3cp6JWpe_B9Ug"
    r"|Twitter:https://twitter\.com/Movistory_HK|Facebook:https://www\.facebook\.com/Movistory-HK\.\.\."
    r"|MeWe:https://mewe\.com/i/movistoryhk|Instagram:https://www\.instagram\.com/movistory\.hk/|LBRY:https://lbry\.tv/@MovistoryHK:b"
    r"|想進一步支持我們的話，還可以加入我們的Patreon會員|鍾意我們的影片，記得CLS|優先觀看我們的影片，以及選擇影片的題材"
    r"|歡迎您在文章下方評論，與圍爐團隊和其他讀者交流討論|欲瞭?了?解圍爐、閱讀更多文章，請關注本公眾號並在公眾號頁[麵面]點擊相應[菜選]單欄目"
    r"|这里是好青年茶话会，.{1,60}订阅我们的邮件：|https://www\.eSurveysPro\.com/Survey\.aspx\?id=[\w-]{36}"
    r"|如果您喜歡我們的內容，歡迎您贊助.{1,50}謝謝您！|在各(?:音樂串流平台，欣賞我們的作品|平台追蹤嵐音社)"
    r"|週一、週二18:00.{1,90}隨選重聽服務，歡迎利用。|·顯影IG.{0,10}[:：]https://www\.instagram\.com/photogstory/"
    r"|·歡迎追蹤「顯影」.{1,100}繼續攝影寫作。|編按︰在下面點擊「拍手」.{1,24}更好～"
    r"|我的圍爐邊境濁酒路邊攤｜追蹤我.{1,24}講金門|本系列為圍爐文章，.{1,40}以免錯過"
    r"|謝謝各位看到這邊，.{1,60}來逛逛❤️。|🌱閱讀臉書👉.{1,90}/civic。|🌱第三季社區活動.{1,200}Potato】"
)
_STAMP = re.compile(
    r".{0,90}?20\d\d-\d\d-\d\dT?[\d:.]{8,12}Z?|[A-Z][a-z]{2},\d{1,2}[A-Z][a-z]{2}20\d\d[\d:]{8}GMT"
    r"|\d\d/\d\d/20\d\d-\d\d:\d\d|20\d\d年\d{1,2}月\d{1,2}日"
    r"|.{1,60}?在星期[一二三四五六日],\d\d/\d\d/\d{4}-\d\d:\d\d提交"
    r"|.{1,60}?(?:\d{4}年\d{1,2}月\d{1,2}日|\d{1,2}[A-Z][a-z]+\d{4})\d{1,3}Minutes?"
)


def test_footers_and_stamps_are_all_that_else_goes_from_a_real_article(found: tuple[Draft, ...]) -> None:
    for draft in found:
        before = visible(cleaned_body(draft.html, draft.link, off=("footers", "stamp")).html)
        body = cleaned_body(draft.html, draft.link)
        removed = {change.rule: change.count for change in body.receipt.changes}
        expected = _SIGNED.sub("", _FOOTER.sub("", before)) if "footers" in removed else before
        assert (expected != before) == ("footers" in removed), draft.link
        assert "feedx" not in expected, draft.link
        after = visible(body.html)
        assert expected.endswith(after), draft.link
        stamp = expected[: len(expected) - len(after)]
        assert bool(stamp) == ("stamp" in removed), draft.link
        assert not stamp or _STAMP.fullmatch(stamp), draft.link


def test_the_text_that_is_kept_beside_a_body_is_the_body_without_its_captions(
    found: tuple[Draft, ...],
) -> None:
    for draft in found:
        body = cleaned_body(draft.html, draft.link)
        assert unseen_removed(body.text) == visible(body.html, without="figcaption, rt, rp"), draft.link


_ADDRESS_OF_PICTURE = re.compile(r"(?:https?:)?//(?:images\.weserv\.nl/?\?url=)?")


def test_no_picture_of_a_real_article_is_lost(found: tuple[Draft, ...]) -> None:
    for draft in found:
        soup = BeautifulSoup(f"<div>{draft.html}</div>", "lxml")
        for element in soup.select(f"{recipe_of(draft.link).drop}, {recipe_of(draft.link).emoji}"):
            element.extract()
        proxies = recipe_of(draft.link).proxies
        pictures = soup.select("img[src]:not([data-src], [data-lazy-src], [data-original], [data-cfsrc])")
        originals = (url_wrappers.unwrap(str(picture["src"]).strip(), proxies) for picture in pictures)
        given = {_ADDRESS_OF_PICTURE.sub("", original).partition("?")[0] for original in originals}
        given = {address for address in given if re.match(r"[\w.\-]+\.\w+/[\x21-\x7e]*$", address)}
        body = cleaned_body(draft.html, draft.link).html
        shown = {
            _ADDRESS_OF_PICTURE.sub("", str(picture["src"])).partition("?")[0]
            for picture in BeautifulSoup(f"<div>{body}</div>", "lxml").select("img[src]")
        }
        assert given <= shown, draft.link
