"""What a page says about itself: meta elements, JSON-LD, microdata, headings, bylines.

Metadata is read with BeautifulSoup over lxml, never over html.parser (CVE-2025-6069). Where several places
tell of one thing, the order in which they are asked stands here, the most careful first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property

from bs4 import BeautifulSoup, Tag
from bs4.exceptions import ParserRejectedMarkup

from feeds.model.errors import ReadError
from feeds.parsers.webpage import dates
from feeds.parsers.webpage.json_ld import Things, text
from feeds.text.plain_text import decode_entities, remove_blanks

_PROLOG = re.compile(r"\s*+<\?xml[^>]{0,200}\?>")
_COMMENT = re.compile("Comment$")
_LONGEST = 300
_MOST = 40
_PUBLISHED = (
    "article:published_time", "og:published_time", "datepublished", "article:published", "publishdate",
    "publish-date", "publish_date", "publish_time", "pubdate", "og:article:published_time", "og:release_date",
    "bt:pubdate", "apub:time", "parsely-pub-date", "sailthru.date", "citation_publication_date",
    "citation_date", "dc.date.issued", "dcterms.issued", "dcterms.created", "dc.date",
    "weibo: article:create_at", "article:create_at", "date",
)  # fmt: skip
_UPDATED = (
    "article:modified_time", "og:updated_time", "datemodified", "og:modified_time", "article:updated_time",
    "article:modified", "lastmod", "dcterms.modified", "dc.date.modified", "weibo: article:update_at",
)  # fmt: skip
_DATE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:pub(?:lish(?:ed)?)?[_-]?(?:date|time)|post(?:ed)?[_-]?(?:date|time|on)|date|time|entry-date|"
    r"article[_-]?(?:date|time)|dateline|update[_-]?time)(?:$|[\s_-])",
    re.IGNORECASE,
)
_PUBLISHED_CLASSES = ("dt-published", "published", "publish_time")
_BYLINES = ("p-author", "byline", "author-name", "entry-author", "post-author", "author")
_NOTED = frozenset("html meta link script base title h1 time a input frameset".split())
_DATE_TAGS = frozenset("span div p em i td li".split())
_JSON_LD = re.compile(r"\s*application/ld\+json", re.IGNORECASE)
_ARTICLE = re.compile("Article|BlogPosting")
_BY = re.compile(
    r"(?:(?:written |posted |words |text )?by|作者|文|撰文|记者|記者)\s*(?:[:：|]|(?<=\w)\s)\s*", re.I
)
# No pattern here begins with any number of blanks: in a long run of them a search would take quadratic time.
_WITHIN_NAME = re.compile(r"[|｜/、;；]|\s(?:and|&)\s")
_ADDRESS = re.compile(r"(?:https?:)?//|www\.|\S+@\S+$", re.IGNORECASE)
_SEPARATORS = (
    " | ",
    " - ",
    " – ",
    " — ",
    " · ",
    " • ",
    " :: ",
    " » ",
    " « ",
    " / ",
    "_",
    "|",
    "｜",
    "-",
    "–",
    "—",
)
_SPLIT = re.compile(r"[,，、;；،؛]")


class Said:
    """A page's own account of itself. Everything is plain text, and empty where the page does not say."""

    def __init__(self, page: str) -> None:
        """Raises ReadError where the markup is none that can be parsed."""
        try:
            self._soup = BeautifulSoup(_without_prolog(page), "lxml", multi_valued_attributes=None)
        except ParserRejectedMarkup as error:
            raise ReadError(f"no page that can be parsed: {error}") from error
        self._tags: dict[str, list[Tag]] = {}
        self._props: dict[str, list[Tag]] = {}
        self._classes: dict[str, list[Tag]] = {}
        for tag in self._soup.find_all(True):
            self._note(tag)
        self._metas: dict[str, list[str]] = {}
        for tag in self._tags.get("meta", []):
            told = _value(tag, "content").strip()
            names = (
                _value(tag, name).strip().lower() for name in ("property", "name", "itemprop", "http-equiv")
            )
            for name in dict.fromkeys(names):
                if name and told:
                    self._metas.setdefault(name, []).append(told)
        scripts = [tag for tag in self._tags.get("script", []) if _JSON_LD.match(_value(tag, "type"))]
        self._things = Things(script.string or "" for script in scripts)
        self._article = self._things.article()

    def _note(self, tag: Tag) -> None:
        """Remember an element by what is asked for later: one way through the tree instead of twenty."""
        if tag.name in _NOTED:
            self._tags.setdefault(tag.name, []).append(tag)
        for name in _value(tag, "itemprop").split()[:9]:
            self._props.setdefault(name, []).append(tag)
        if "itemtype" in tag.attrs and _ARTICLE.search(_value(tag, "itemtype")):
            self._tags.setdefault("article things", []).append(tag)
        named = f"{_value(tag, 'class')} {_value(tag, 'id')}"[:_LONGEST]
        for name in named.split():
            if name in _BYLINES or name in _PUBLISHED_CLASSES:
                self._classes.setdefault(name, []).append(tag)
        if tag.name in _DATE_TAGS and _DATE_CLASS.search(named):
            self._classes.setdefault("date classes", []).append(tag)

    # -- addresses, as written ---------------------------------------------------------------------------

    @cached_property
    def canonical(self) -> str:
        """The address of `<link rel=canonical>`."""
        return self._link("canonical")

    @cached_property
    def addresses(self) -> list[str]:
        """What else the page says to be its own address, the most careful first."""
        told = [*self._metas.get("og:url", [])]
        for key in ("url", "mainEntityOfPage", "@id"):
            told += self._things.addresses(self._article.get(key))
        for thing in self._things.of_type("WebPage", "ItemPage"):
            told += self._things.addresses(thing.get("url"))
        told += self._metas.get("twitter:url", []) + self._metas.get("parsely-link", [])
        return [address for address in told if address]

    @cached_property
    def base(self) -> str:
        """What `<base href>` says."""
        return next((told for tag in self._tags.get("base", []) if (told := _value(tag, "href").strip())), "")

    @cached_property
    def images(self) -> list[str]:
        """Addresses of the picture that stands for the article."""
        told = self._meta_all("og:image:secure_url", "og:image", "og:image:url")
        told += self._things.addresses(self._article.get("image"))
        told += self._meta_all("twitter:image", "twitter:image:src", "image", "thumbnail")
        return [*told, self._link("image_src")]

    @cached_property
    def media(self) -> list[tuple[str, str, str]]:
        """Addresses of what plays, with type and size as far as they are told."""
        found = []
        for thing in self._things.of_type("AudioObject", "VideoObject", "MusicRecording", "PodcastEpisode"):
            for inner in (thing, *self._things.things(thing.get("associatedMedia"))):
                address = text(inner.get("contentUrl"))
                found.append((address, text(inner.get("encodingFormat")), text(inner.get("contentSize"))))
        for kind in ("og:audio", "og:video"):
            for name in (f"{kind}:secure_url", kind, f"{kind}:url"):
                told = self._meta(f"{kind}:type")
                found += [(address, told, "") for address in self._metas.get(name, [])]
        return [one for one in found if one[0]]

    # -- words -------------------------------------------------------------------------------------------

    @cached_property
    def heading(self) -> str:
        """The page's one `h1`, or the one in its article."""
        heads = self._tags.get("h1", [])[:_MOST]
        found = self._props.get("headline", []) or [
            tag for tag in heads if tag.find_parent(["article", "main"])
        ]
        shown = [line for tag in (found or heads)[:2] if (line := _line(tag))]
        return shown[0] if len(shown) == 1 else ""

    @cached_property
    def title(self) -> str:
        """The article's title, without the site's name at its end."""
        told = [
            self._meta("og:title"),
            text(self._article.get("headline")),
            self._meta("twitter:title"),
            self.heading,
            self._page_title,
            text(self._article.get("name")),
        ]
        found = next((title for title in told if title), "")
        return self._trimmed(found)

    @cached_property
    def _page_title(self) -> str:
        return next((line for tag in self._tags.get("title", [])[:1] if (line := _line(tag))), "")

    def _trimmed(self, title: str) -> str:
        names = {remove_blanks(name).casefold() for name in (self.site, *self._publishers) if name}
        while True:
            for separator in _SEPARATORS:
                head, found, end = title.rpartition(separator)
                if found and head.strip() and remove_blanks(end).casefold() in names:
                    title = head.strip()
                    break
            else:
                break
        rest = title.removeprefix(self.heading) if self.heading else ""
        if rest and rest != title and rest.startswith(_SEPARATORS) and len(self.heading) > 3:
            return self.heading
        return title

    @cached_property
    def summary(self) -> str:
        """The page's description."""
        told = (self._meta("og:description"), self._meta("description"), self._meta("twitter:description"))
        return next((one for one in told if one), text(self._article.get("description")))

    @cached_property
    def site(self) -> str:
        """What the site calls itself."""
        told = [self._meta("og:site_name"), *self._publishers, self._meta("application-name")]
        told += [text(thing.get("name")) for thing in self._things.of_type("WebSite")]
        return next((one[:_LONGEST] for one in told if one), self._after_heading)

    @cached_property
    def _after_heading(self) -> str:
        """What follows the heading in the page's title, after the last sign that parts them."""
        rest = self._page_title.removeprefix(self.heading or "\0")
        for separator in _SEPARATORS if rest.startswith(_SEPARATORS) and len(self.heading) > 3 else ():
            if separator in rest:
                return rest.rpartition(separator)[2].strip()
        return ""

    @cached_property
    def _publishers(self) -> list[str]:
        told = self._things.names(self._article.get("publisher"))
        for tag in self._props.get("publisher", [])[:3]:
            told += self._prop_names(tag)
        return told

    @cached_property
    def authors(self) -> tuple[str, ...]:
        """Who wrote it, from the most careful place that names anybody."""
        places: tuple[Callable[[], list[str]], ...] = (
            lambda: self._things.names(self._article.get("author")),
            lambda: [name for tag in self._of("author") for name in self._prop_names(tag)],
            lambda: self._meta_all(
                "author", "article:author", "citation_author", "dc.creator", "parsely-author"
            ),
            lambda: self._things.names(self._article.get("creator")),
            self._bylines,
        )
        site = remove_blanks(self.site).casefold()
        for place in places:
            names = dict.fromkeys(name for told in place() for name in _names(told))
            kept = [name for name in names if remove_blanks(name).casefold() != site]
            if kept:
                return tuple(kept[:_MOST])
        return ()

    @cached_property
    def published(self) -> datetime | None:
        """When it was published."""
        told = [text(self._article.get(key)) for key in ("datePublished", "uploadDate")]
        told += self._meta_all(*_PUBLISHED)
        told += [_dated(tag) for tag in self._of("datePublished")]
        for thing in self._things.of_type("WebPage", "NewsArticle"):
            told.append(text(thing.get("datePublished")))
        found = _first_moment(told)
        return found or _first_moment(self._shown_dates())

    @cached_property
    def updated(self) -> datetime | None:
        """When it was changed last."""
        told = [text(self._article.get("dateModified")), *self._meta_all(*_UPDATED)]
        return _first_moment([*told, *(_dated(tag) for tag in self._of("dateModified"))])

    def _shown_dates(self) -> list[str]:
        """Dates that stand in the text: marked as published, in the article, then by their class."""
        times = self._tags.get("time", [])[:_MOST]
        marked = [tag for tag in times if "pubdate" in tag.attrs]
        marked += [tag for name in _PUBLISHED_CLASSES for tag in self._classes.get(name, [])[:3]]
        inside = [tag for tag in times if tag.find_parent(["article", "main"]) is not None]
        told = [_dated(tag) for tag in (*marked, *inside[:1], *times[:1])]
        lines = (_line(tag) for tag in self._classes.get("date classes", [])[:_MOST])
        return [*told, *(line for line in lines if len(line) <= 80)]

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Keywords, tags and the section, each once."""
        told = [*self._metas.get("article:tag", [])]
        keywords = self._article.get("keywords")
        told += (
            [text(one) for one in keywords] if isinstance(keywords, list) else _SPLIT.split(text(keywords))
        )
        for name in ("keywords", "news_keywords", "parsely-tags"):
            told += [part for one in self._metas.get(name, []) for part in _SPLIT.split(one[:2000])]
        told += [_line(tag) for tag in self._related("a", "tag")[:_MOST]]
        told += self._metas.get("article:section", [])
        section = self._article.get("articleSection")
        told += [text(one) for one in section] if isinstance(section, list) else [text(section)]
        tags: dict[str, str] = {}
        for tag in map(decode_entities, told):
            tag = tag.strip("#＃ ")
            if tag and len(tag) <= 60:
                tags.setdefault(tag.casefold(), tag)
        return tuple(tags.values())[:_MOST]

    @cached_property
    def languages(self) -> list[str]:
        """Language codes as written."""
        told = [_value(tag, name) for tag in self._tags.get("html", [])[:1] for name in ("lang", "xml:lang")]
        told += [text(self._article.get("inLanguage")), self._meta("content-language")]
        return [*told, self._meta("og:locale")]

    @cached_property
    def is_right_to_left(self) -> bool:
        """Whether the page's text runs from right to left."""
        return any(_value(tag, "dir").lower() == "rtl" for tag in self._tags.get("html", [])[:1])

    # -- what kind of page it is -------------------------------------------------------------------------

    @cached_property
    def is_article(self) -> bool:
        """Whether the page calls itself an article, or shows signs of one."""
        if self._article or any(one in ("article", "video.other") for one in self._metas.get("og:type", [])):
            return True
        return "article things" in self._tags or "articleBody" in self._props

    @cached_property
    def is_login(self) -> bool:
        """Whether the page asks for a password."""
        return any(_value(tag, "type").lower() == "password" for tag in self._tags.get("input", []))

    @cached_property
    def is_frameset(self) -> bool:
        """Whether the page is only frames."""
        return "frameset" in self._tags

    @cached_property
    def whole_text(self) -> str:
        """The article's whole text where the page tells it beside its markup (JSON-LD `articleBody`)."""
        body = self._article.get("articleBody")
        return body if isinstance(body, str) else ""

    # -- asking ------------------------------------------------------------------------------------------

    def _meta(self, name: str) -> str:
        return next((shown for one in self._metas.get(name, []) if (shown := decode_entities(one))), "")

    def _meta_all(self, *names: str) -> list[str]:
        return [one for name in names for one in self._metas.get(name, [])]

    def _link(self, relation: str) -> str:
        found = (_value(tag, "href").strip() for tag in self._related("link", relation))
        return next((address for address in found if address), "")

    def _related(self, name: str, relation: str) -> list[Tag]:
        return [tag for tag in self._tags.get(name, []) if relation in _value(tag, "rel").lower().split()]

    def _of(self, name: str) -> list[Tag]:
        """Elements with this `itemprop`, those of comments left out."""
        found = self._props.get(name, [])[:_MOST]
        return [tag for tag in found if tag.find_parent(attrs={"itemtype": _COMMENT}) is None]

    def _prop_names(self, tag: Tag) -> list[str]:
        named = tag.select("[itemprop=name]")
        return [_value(one, "content") or _line(one) for one in (named or [tag])]

    def _bylines(self) -> list[str]:
        for found in (self._related("a", "author"), *(self._classes.get(name, []) for name in _BYLINES)):
            lines = [line for tag in found[:3] if (line := _line(tag)) and len(line) <= 60]
            if lines:
                return lines
        return []


def _without_prolog(page: str) -> str:
    """Remove the XML declaration that an XHTML page may begin with."""
    prolog = _PROLOG.match(page)  # only at the beginning: a search takes quadratic time in a run of blanks
    return page[prolog.end() :] if prolog else page


def _names(told: str) -> list[str]:
    """The persons that a byline tells; addresses and what is no name are none."""
    line = decode_entities(told)[:_LONGEST]
    line = line[start.end() :] if (start := _BY.match(line)) else line
    names = (name.strip().strip(" ,，:：·") for name in _WITHIN_NAME.split(line))
    return [name for name in names if name and not _ADDRESS.match(name) and len(name) <= 80]


def _value(tag: Tag, name: str) -> str:
    value = tag.get(name)
    return value if isinstance(value, str) else ""


def _line(tag: Tag) -> str:
    return decode_entities(" ".join(tag.get_text(" ").split())[:2000])


def _dated(tag: Tag) -> str:
    return _value(tag, "content") or _value(tag, "datetime") or _line(tag)[:80]


def _first_moment(told: Iterable[str]) -> datetime | None:
    return next((found for one in told if one and (found := dates.moment(one))), None)
