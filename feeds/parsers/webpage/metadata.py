"""Read the metadata of a page: meta elements, JSON-LD, microdata, headings, bylines.

BeautifulSoup parses the page with lxml, never with html.parser (CVE-2025-6069). If several places give the
same value, the property of PageMetadata has their order, the most reliable first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import cached_property

from bs4 import BeautifulSoup, Tag
from bs4.exceptions import ParserRejectedMarkup

from feeds.model.errors import ReadError
from feeds.parsers.date_reader import DateReader
from feeds.parsers.webpage.dates import parse_page_date
from feeds.parsers.webpage.json_ld import Graph, to_text
from feeds.text.dates import find_date_style
from feeds.text.plain_text import decode_entities, remove_blanks

_PROLOG = re.compile(r"\s*+<\?xml[^>]{0,200}\?>")
_COMMENT = re.compile("Comment$")
_MAX_TEXT_CHARACTERS = 300
_MAX_VALUES = 40
_MAX_LINE_CHARACTERS = 2_000
_MAX_DATE_CHARACTERS = 80
_MAX_NAME_CHARACTERS = 80
_MAX_BYLINE_CHARACTERS = 60
_MAX_TAG_CHARACTERS = 60
_MIN_HEADING_CHARACTERS = 4
"""Characters of a heading, at least, that is searched for in the title of the page."""
_PUBLISHED_NAMES = (
    "article:published_time", "og:published_time", "datepublished", "article:published", "publishdate",
    "publish-date", "publish_date", "publish_time", "pubdate", "og:article:published_time", "og:release_date",
    "bt:pubdate", "apub:time", "parsely-pub-date", "sailthru.date", "citation_publication_date",
    "citation_date", "dc.date.issued", "dcterms.issued", "dcterms.created", "dc.date",
    "weibo: article:create_at", "article:create_at", "date",
)  # fmt: skip
_UPDATED_NAMES = (
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
_INDEXED_TAGS = frozenset("html meta link script base title h1 time a input frameset".split())
_DATE_TAGS = frozenset("span div p em i td li".split())
_JSON_LD = re.compile(r"\s*application/ld\+json", re.IGNORECASE)
_ARTICLE = re.compile("Article|BlogPosting")
_BYLINE_PREFIX = re.compile(
    r"(?:(?:written |posted |words |text )?by|作者|文|撰文|记者|記者)\s*(?:[:：|]|(?<=\w)\s)\s*", re.I
)
# No pattern begins with any number of blanks: a search in a long run of blanks would take quadratic time.
_NAME_SEPARATOR = re.compile(r"[|｜/、;；]|\s(?:and|&)\s")
_URL_OR_MAIL = re.compile(r"(?:https?:)?//|www\.|\S+@\S+$", re.IGNORECASE)
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
_KEYWORD_SEPARATOR = re.compile(r"[,，、;；،؛]")


class PageMetadata:
    """The metadata of a page. Every value is plain text, and empty if the page does not give it."""

    def __init__(self, page: str) -> None:
        """Parse a page. Raises ReadError if its markup cannot be parsed."""
        try:
            self._soup = BeautifulSoup(_without_prolog(page), "lxml", multi_valued_attributes=None)
        except ParserRejectedMarkup as error:
            raise ReadError(f"the page cannot be parsed: {error}") from error
        self._tags: dict[str, list[Tag]] = {}
        self._props: dict[str, list[Tag]] = {}
        self._classes: dict[str, list[Tag]] = {}
        for tag in self._soup.find_all(True):
            self._index(tag)
        self._metas: dict[str, list[str]] = {}
        for tag in self._tags.get("meta", []):
            content = _attribute(tag, "content").strip()
            names = (
                _attribute(tag, name).strip().lower()
                for name in ("property", "name", "itemprop", "http-equiv")
            )
            for name in dict.fromkeys(names):
                if name and content:
                    self._metas.setdefault(name, []).append(content)
        scripts = [tag for tag in self._tags.get("script", []) if _JSON_LD.match(_attribute(tag, "type"))]
        self._graph = Graph(script.string or "" for script in scripts)
        self._article = self._graph.find_article()

    def _index(self, tag: Tag) -> None:
        """Add an element to the indexes that the properties use: one pass over the tree instead of twenty."""
        if tag.name in _INDEXED_TAGS:
            self._tags.setdefault(tag.name, []).append(tag)
        for name in _attribute(tag, "itemprop").split()[:9]:
            self._props.setdefault(name, []).append(tag)
        if "itemtype" in tag.attrs and _ARTICLE.search(_attribute(tag, "itemtype")):
            self._tags.setdefault("article things", []).append(tag)
        class_and_id = f"{_attribute(tag, 'class')} {_attribute(tag, 'id')}"[:_MAX_TEXT_CHARACTERS]
        for name in class_and_id.split():
            if name in _BYLINES or name in _PUBLISHED_CLASSES:
                self._classes.setdefault(name, []).append(tag)
        if tag.name in _DATE_TAGS and _DATE_CLASS.search(class_and_id):
            self._classes.setdefault("date classes", []).append(tag)

    # -- URLs, as written --------------------------------------------------------------------------------

    @cached_property
    def canonical(self) -> str:
        """URL of `<link rel=canonical>`."""
        return self._link("canonical")

    @cached_property
    def stated_urls(self) -> list[str]:
        """Other URLs that the page states as its own, the most reliable first."""
        values = [*self._metas.get("og:url", [])]
        for key in ("url", "mainEntityOfPage", "@id"):
            values += self._graph.urls(self._article.get(key))
        for node in self._graph.of_type("WebPage", "ItemPage"):
            values += self._graph.urls(node.get("url"))
        values += self._metas.get("twitter:url", []) + self._metas.get("parsely-link", [])
        return [url for url in values if url]

    @cached_property
    def base(self) -> str:
        """URL of `<base href>`, the base of relative URLs."""
        return next(filter(None, (_attribute(tag, "href").strip() for tag in self._tags.get("base", []))), "")

    @cached_property
    def images(self) -> list[str]:
        """URLs of the lead image, the most reliable first; some may be empty."""
        values = self._meta_all("og:image:secure_url", "og:image", "og:image:url")
        values += self._graph.urls(self._article.get("image"))
        values += self._meta_all("twitter:image", "twitter:image:src", "image", "thumbnail")
        return [*values, self._link("image_src")]

    @cached_property
    def media(self) -> list[tuple[str, str, str]]:
        """URL, media type and size of each audio or video file. Type and size may be empty."""
        files = []
        for node in self._graph.of_type("AudioObject", "VideoObject", "MusicRecording", "PodcastEpisode"):
            for inner in (node, *self._graph.resolve(node.get("associatedMedia"))):
                url = to_text(inner.get("contentUrl"))
                files.append((url, to_text(inner.get("encodingFormat")), to_text(inner.get("contentSize"))))
        for kind in ("og:audio", "og:video"):
            for name in (f"{kind}:secure_url", kind, f"{kind}:url"):
                media_type = self._meta(f"{kind}:type")
                files += [(url, media_type, "") for url in self._metas.get(name, [])]
        return [file for file in files if file[0]]

    # -- texts -------------------------------------------------------------------------------------------

    @cached_property
    def heading(self) -> str:
        """The only `h1` of the page, or of its article; empty if there are several."""
        headings = self._tags.get("h1", [])[:_MAX_VALUES]
        headlines = self._props.get("headline", []) or [
            tag for tag in headings if tag.find_parent(["article", "main"])
        ]
        texts = [text for tag in (headlines or headings)[:2] if (text := _text_of(tag))]
        return texts[0] if len(texts) == 1 else ""

    @cached_property
    def title(self) -> str:
        """Title of the article, without the name of the site at its end."""
        values = [
            self._meta("og:title"),
            to_text(self._article.get("headline")),
            self._meta("twitter:title"),
            self.heading,
            self._page_title,
            to_text(self._article.get("name")),
        ]
        return self._without_site(next((title for title in values if title), ""))

    @cached_property
    def _page_title(self) -> str:
        return next((text for tag in self._tags.get("title", [])[:1] if (text := _text_of(tag))), "")

    def _without_site(self, title: str) -> str:
        """Remove the names of the site and the publisher from the end of a title."""
        names = {remove_blanks(name).casefold() for name in (self.site, *self._publishers) if name}
        while True:
            for separator in _SEPARATORS:
                head, is_separated, end = title.rpartition(separator)
                if is_separated and head.strip() and remove_blanks(end).casefold() in names:
                    title = head.strip()
                    break
            else:
                break
        rest = title.removeprefix(self.heading) if self.heading else ""
        if (
            rest
            and rest != title
            and rest.startswith(_SEPARATORS)
            and len(self.heading) >= _MIN_HEADING_CHARACTERS
        ):
            return self.heading
        return title

    @cached_property
    def summary(self) -> str:
        """Description of the page."""
        values = (self._meta("og:description"), self._meta("description"), self._meta("twitter:description"))
        return next((text for text in values if text), to_text(self._article.get("description")))

    @cached_property
    def site(self) -> str:
        """Name of the site."""
        values = [self._meta("og:site_name"), *self._publishers, self._meta("application-name")]
        values += [to_text(node.get("name")) for node in self._graph.of_type("WebSite")]
        return next((name[:_MAX_TEXT_CHARACTERS] for name in values if name), self._site_in_title)

    @cached_property
    def _site_in_title(self) -> str:
        """The part of the page's title behind the heading and the last separator."""
        rest = self._page_title.removeprefix(self.heading or "\0")
        for separator in (
            _SEPARATORS
            if rest.startswith(_SEPARATORS) and len(self.heading) >= _MIN_HEADING_CHARACTERS
            else ()
        ):
            if separator in rest:
                return rest.rpartition(separator)[2].strip()
        return ""

    @cached_property
    def _publishers(self) -> list[str]:
        values = self._graph.names(self._article.get("publisher"))
        for tag in self._props.get("publisher", [])[:3]:
            values += self._prop_names(tag)
        return values

    @cached_property
    def authors(self) -> tuple[str, ...]:
        """Names of the authors, from the most reliable place that has any."""
        places: tuple[Callable[[], list[str]], ...] = (
            lambda: self._graph.names(self._article.get("author")),
            lambda: [name for tag in self._with_itemprop("author") for name in self._prop_names(tag)],
            lambda: self._meta_all(
                "author", "article:author", "citation_author", "dc.creator", "parsely-author"
            ),
            lambda: self._graph.names(self._article.get("creator")),
            self._bylines,
        )
        site = remove_blanks(self.site).casefold()
        for place in places:
            names = dict.fromkeys(name for byline in place() for name in _split_names(byline))
            authors = [name for name in names if remove_blanks(name).casefold() != site]
            if authors:
                return tuple(authors[:_MAX_VALUES])
        return ()

    @cached_property
    def published(self) -> datetime | None:
        """Time of publication; None if it is not known."""
        values = [to_text(self._article.get(key)) for key in ("datePublished", "uploadDate")]
        values += self._meta_all(*_PUBLISHED_NAMES)
        values += [_date_text(tag) for tag in self._with_itemprop("datePublished")]
        for node in self._graph.of_type("WebPage", "NewsArticle"):
            values.append(to_text(node.get("datePublished")))
        dates = self._date_reader
        published = dates.read_first(values)
        if published is None and (published := dates.read_first(self._visible_dates())) is not None:
            dates.unread.clear()
        return published

    @cached_property
    def updated(self) -> datetime | None:
        """Time of the last change; None if it is not known."""
        values = [to_text(self._article.get("dateModified")), *self._meta_all(*_UPDATED_NAMES)]
        values += (_date_text(tag) for tag in self._with_itemprop("dateModified"))
        return DateReader(self._date_reader.style, parse=parse_page_date).read_first(values)

    @property
    def unread_dates(self) -> tuple[str, ...]:
        """The date of publication as it is written; empty if it could be read, or there is none."""
        return tuple(self._date_reader.unread) if self.published is None else ()

    @cached_property
    def _date_reader(self) -> DateReader:
        language = next(filter(None, map(str.strip, self.languages)), "")
        return DateReader(find_date_style((), language), parse=parse_page_date)

    def _visible_dates(self) -> list[str]:
        """Return dates in the text: marked as published, in the article, then with a date class."""
        times = self._tags.get("time", [])[:_MAX_VALUES]
        marked = [tag for tag in times if "pubdate" in tag.attrs]
        marked += [tag for name in _PUBLISHED_CLASSES for tag in self._classes.get(name, [])[:3]]
        inside = [tag for tag in times if tag.find_parent(["article", "main"]) is not None]
        values = [_date_text(tag) for tag in (*marked, *inside[:1], *times[:1])]
        lines = (_text_of(tag) for tag in self._classes.get("date classes", [])[:_MAX_VALUES])
        return [*values, *(line for line in lines if len(line) <= _MAX_DATE_CHARACTERS)]

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Keywords, tags and the section, each once."""
        values = [*self._metas.get("article:tag", [])]
        keywords = self._article.get("keywords")
        values += (
            [to_text(keyword) for keyword in keywords]
            if isinstance(keywords, list)
            else _KEYWORD_SEPARATOR.split(to_text(keywords))
        )
        for name in ("keywords", "news_keywords", "parsely-tags"):
            values += [
                part
                for value in self._metas.get(name, [])
                for part in _KEYWORD_SEPARATOR.split(value[:_MAX_LINE_CHARACTERS])
            ]
        values += [_text_of(tag) for tag in self._related("a", "tag")[:_MAX_VALUES]]
        values += self._metas.get("article:section", [])
        section = self._article.get("articleSection")
        values += [to_text(name) for name in section] if isinstance(section, list) else [to_text(section)]
        tags: dict[str, str] = {}
        for tag in map(decode_entities, values):
            tag = tag.strip("#＃ ")
            if tag and len(tag) <= _MAX_TAG_CHARACTERS:
                tags.setdefault(tag.casefold(), tag)
        return tuple(tags.values())[:_MAX_VALUES]

    @cached_property
    def languages(self) -> list[str]:
        """Language codes as written; some may be empty."""
        values = [
            _attribute(tag, name) for tag in self._tags.get("html", [])[:1] for name in ("lang", "xml:lang")
        ]
        values += [to_text(self._article.get("inLanguage")), self._meta("content-language")]
        return [*values, self._meta("og:locale")]

    @cached_property
    def is_right_to_left(self) -> bool:
        """Whether the page's text runs from right to left."""
        return any(_attribute(tag, "dir").lower() == "rtl" for tag in self._tags.get("html", [])[:1])

    # -- what kind of page it is -------------------------------------------------------------------------

    @cached_property
    def is_article(self) -> bool:
        """Whether the page is marked as an article, or a part of it as the body of one."""
        if self._article or any(
            value in ("article", "video.other") for value in self._metas.get("og:type", [])
        ):
            return True
        return "article things" in self._tags or "articleBody" in self._props

    @cached_property
    def is_login(self) -> bool:
        """Whether the page asks for a password."""
        return any(_attribute(tag, "type").lower() == "password" for tag in self._tags.get("input", []))

    @cached_property
    def is_frameset(self) -> bool:
        """Whether the page consists of frames."""
        return "frameset" in self._tags

    @cached_property
    def whole_text(self) -> str:
        """Text of the article in its JSON-LD (`articleBody`)."""
        body = self._article.get("articleBody")
        return body if isinstance(body, str) else ""

    # -- look-ups ----------------------------------------------------------------------------------------

    def _meta(self, name: str) -> str:
        return next(filter(None, map(decode_entities, self._metas.get(name, []))), "")

    def _meta_all(self, *names: str) -> list[str]:
        return [value for name in names for value in self._metas.get(name, [])]

    def _link(self, relation: str) -> str:
        return next(
            filter(None, (_attribute(tag, "href").strip() for tag in self._related("link", relation))), ""
        )

    def _related(self, name: str, relation: str) -> list[Tag]:
        """Return the elements of this name with this `rel`."""
        return [tag for tag in self._tags.get(name, []) if relation in _attribute(tag, "rel").lower().split()]

    def _with_itemprop(self, name: str) -> list[Tag]:
        """Return the elements with this `itemprop`, without those of comments."""
        tags = self._props.get(name, [])[:_MAX_VALUES]
        return [tag for tag in tags if tag.find_parent(attrs={"itemtype": _COMMENT}) is None]

    def _prop_names(self, tag: Tag) -> list[str]:
        names = tag.select("[itemprop=name]")
        return [_attribute(name, "content") or _text_of(name) for name in (names or [tag])]

    def _bylines(self) -> list[str]:
        for tags in (self._related("a", "author"), *(self._classes.get(name, []) for name in _BYLINES)):
            bylines = [
                byline
                for tag in tags[:3]
                if (byline := _text_of(tag)) and len(byline) <= _MAX_BYLINE_CHARACTERS
            ]
            if bylines:
                return bylines
        return []


def _without_prolog(page: str) -> str:
    """Remove the XML declaration that an XHTML page may begin with."""
    prolog = _PROLOG.match(page)  # only at the beginning: a search takes quadratic time in a run of blanks
    return page[prolog.end() :] if prolog else page


def _split_names(byline: str) -> list[str]:
    """Split a byline into names, without URLs, mail addresses and long texts."""
    line = decode_entities(byline)[:_MAX_TEXT_CHARACTERS]
    line = line[start.end() :] if (start := _BYLINE_PREFIX.match(line)) else line
    names = (name.strip().strip(" ,，:：·") for name in _NAME_SEPARATOR.split(line))
    return [
        name for name in names if name and not _URL_OR_MAIL.match(name) and len(name) <= _MAX_NAME_CHARACTERS
    ]


def _attribute(tag: Tag, name: str) -> str:
    value = tag.get(name)
    return value if isinstance(value, str) else ""


def _text_of(tag: Tag) -> str:
    return decode_entities(" ".join(tag.get_text(" ").split())[:_MAX_LINE_CHARACTERS])


def _date_text(tag: Tag) -> str:
    return _attribute(tag, "content") or _attribute(tag, "datetime") or _text_of(tag)[:_MAX_DATE_CHARACTERS]
