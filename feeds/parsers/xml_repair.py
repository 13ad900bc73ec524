"""A feed document as a strict XML parser takes it, bounded before any other code sees it.

Feeds break XML in a few ways that are all alike: HTML's entities without a declaration, a bare `&`, numbers
of forbidden characters, prefixes that nobody declared, an end that is missing. These are mended as text.
No document type reaches a parser, so nothing can be expanded or fetched. Pure.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from xml.parsers import expat

from feeds.model.errors import ReadError
from feeds.text.plain_text import remove_illegal

MOST_ELEMENTS = 500_000
MOST_NESTING = 400
MOST_NAMESPACES = 200
MOST_ATTRIBUTES = 100  # of an element: feedparser looks for each among all
# What feedparser compares with all before it, or searches for mail addresses in quadratic time.
MOST_SHORT = 1_000  # of an entry's
LONGEST_SHORT = 4_000  # characters
_SHORT = frozenset(
    "author creator contributor managingeditor webmaster publisher name email category subject keywords "
    "tags owner credit date pubdate published updated issued created modified lastbuilddate".split()
)
_ENTRIES = frozenset({"item", "entry"})
_LONGEST_DOCTYPE = 64_000
_MOST_EXPANDED = 1_000_000
_MOST_MENDED = 100_000
_MOST_LOOSE_TAGS = 100_000
_LONG_TAG = re.compile(r"<[^<>]{20000}")
_CUT_OFF = frozenset(
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)
_UNBOUND = expat.errors.codes[expat.errors.XML_ERROR_UNBOUND_PREFIX]

_DECLARATION = (
    '<?xml version="1.0" encoding="utf-8"?>\n'  # alone on its line: feedparser searches that for it
)
_BLANKS = re.compile(r"[\s\ufeff]*")
_ROOT = re.compile(r"<(?:[\w.\-]{1,40}:)?([A-Za-z][\w.\-]{0,40})(?=[\s/>])", re.ASCII)
_DOCTYPE_PART = re.compile(r"[\[\]>\"']|<!--")
_ENTITY = re.compile(r"<!ENTITY\s+([A-Za-z][\w.\-]{0,60})\s+(?:\"([^\"<%]{0,200})\"|'([^'<%]{0,200})')\s*>")
_SPOT = re.compile(r"<!\[CDATA\[|<!--|<\?|<(?![A-Za-z_:/!?\u0080-\uffff])|\]\]>|&")
_REFERENCE = re.compile(r"&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][\w.\-]{0,60});", re.ASCII)
_XML_ENTITIES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_PREFIX = re.compile(r"(?<=[<\s/])([A-Za-z_][\w.\-]{0,40}):(?=[A-Za-z_])", re.ASCII)
_KNOWN_PREFIXES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "feedburner": "http://rssnamespace.org/feedburner/ext/1.0",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "wfw": "http://wellformedweb.org/CommentAPI/",
    "xhtml": "http://www.w3.org/1999/xhtml",
}
_LOOSE_ITEM = re.compile(r"<(?:item|entry)[\s>]", re.IGNORECASE)
_LOOSE_SHORT = re.compile(
    rf"<(?:\w{{1,20}}:)?(?:{'|'.join(sorted(_SHORT))})\b[^>]{{0,500}}>(?:<!\[CDATA\[)?[^<]{{{LONGEST_SHORT}}}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class WellFormed:
    """A feed document for a parser."""

    data: bytes
    """UTF-8, without a document type, comments or processing instructions."""
    fault: str = ""
    """`line 7: …`: what is wrong with it where it could not be mended; empty where nothing is."""
    cut_off: bool = False
    """Whether the document ended within an entry, which is left out."""


def root(text: str) -> str:
    """The local name of an XML document's root element in lower case; empty where it is no XML."""
    match = _ROOT.match(text, _prolog(text)[0])
    return match[1].lower() if match else ""


def mended(text: str) -> WellFormed:
    """A feed document, mended. Raises ReadError where it is beyond the bounds or ends too soon."""
    start, entities = _prolog(text)
    skipped = text.count("\n", 0, start) - 1
    body = _DECLARATION + _references(text[start:], entities)
    scan = _scanned(body.encode())
    if scan.error is not None and scan.error.code == _UNBOUND:
        body = _declared(body)
        scan = _scanned(body.encode())
    data = body.encode()
    if scan.error is None:
        return WellFormed(data)
    line = scan.error.lineno + skipped
    fault = f"line {line}: {expat.errors.messages[scan.error.code]}"
    if scan.error.code in _CUT_OFF:
        if not scan.whole:
            raise ReadError(f"line {line}: the feed ends before its first entry does")
        return WellFormed(data[: scan.whole] + scan.closing, fault, cut_off=scan.within)
    _check_loose(body, fault)
    return WellFormed(data, fault)


# -- as text -------------------------------------------------------------------------------------------------


def _prolog(text: str) -> tuple[int, dict[str, str]]:
    """Where the root element begins, and the entities that a document type before it declares."""
    at, entities = 0, dict[str, str]()
    while True:
        blank = _BLANKS.match(text, at)
        at = blank.end() if blank else at
        if text.startswith("<?", at):
            end = text.find("?>", at) + 2
        elif text.startswith("<!--", at):
            end = text.find("-->", at + 4) + 3
        elif text[at : at + 9].upper() == "<!DOCTYPE":
            end = _end_of_doctype(text, at)
            for name, double, single in _ENTITY.findall(text[at:end]):
                value = html.unescape(double or single)
                if "&" not in value and "<" not in value:
                    entities.setdefault(name, value)
        else:
            return at, entities
        if end <= at:
            return len(text), entities
        at = end


def _end_of_doctype(text: str, start: int) -> int:
    """Where a document type ends; -1 where it does not within the bounds."""
    at, inside, last = start, False, start + _LONGEST_DOCTYPE
    while part := _DOCTYPE_PART.search(text, at, last):
        at = part.end()
        if part[0] in "\"'":
            at = text.find(part[0], at, last) + 1
        elif part[0] == "<!--":
            at = text.find("-->", at, last) + 1
        elif part[0] != ">":
            inside = part[0] == "["
        elif not inside:
            return at
        if at == 0:
            break
    return -1


def _references(text: str, entities: dict[str, str]) -> str:
    """The text with references that XML takes, and without comments and instructions."""
    pieces, at, expanded, mended = list[str](), 0, 0, 0
    while spot := _SPOT.search(text, at):
        start = spot.start()
        pieces.append(text[at:start])
        if spot[0] == "<![CDATA[":
            end = text.find("]]>", start)
            at = end + 3 if end >= 0 else len(text)
            pieces.append(text[start:at])
        elif spot[0] in ("<!--", "<?"):
            end = text.find("-->" if spot[0] == "<!--" else "?>", spot.end())
            at = end + (3 if spot[0] == "<!--" else 2) if end >= 0 else len(text)
            pieces.append("\n" * text.count("\n", start, at))
        elif spot[0] == "&":
            reference = _REFERENCE.match(text, start)
            at = reference.end() if reference else start + 1
            made = _reference(reference[1], entities) if reference else "&amp;"
            mended += reference is None
            expanded += max(0, len(made) - 10)
            if expanded > _MOST_EXPANDED:
                raise ReadError(f"its entities stand for more than {_MOST_EXPANDED} characters")
            pieces.append(made)
        else:
            at = spot.end()
            mended += 1
            pieces.append(html.escape(spot[0]))
        if mended > _MOST_MENDED:
            raise ReadError(f"the feed has more than {_MOST_MENDED} signs (&, <) that are no markup")
    pieces.append(text[at:])
    return "".join(pieces)


def _reference(name: str, entities: dict[str, str]) -> str:
    """What stands for `&name;`: itself where XML knows it, else characters, else the text that it is."""
    if name in _XML_ENTITIES:
        return f"&{name};"
    if name in entities:
        return html.escape(remove_illegal(entities[name]))
    shown = html.unescape(f"&{name};")
    if shown == f"&{name};" and not name.startswith("#"):
        return f"&amp;{name};"
    return "".join(f"&#{ord(char)};" for char in remove_illegal(shown) if char != "\ufffd")


def _declared(text: str) -> str:
    """The document with every prefix declared that its root does not declare."""
    match = _ROOT.search(text)
    if match is None:
        return text
    head = text[match.start() : text.find(">", match.end()) + 1]
    used = dict.fromkeys(found[1] for found in _PREFIX.finditer(text))
    missing = [name for name in used if f"xmlns:{name}" not in head and name.lower() not in ("xml", "xmlns")]
    made = "".join(
        f' xmlns:{name}="{_KNOWN_PREFIXES.get(name, f"urn:x-undeclared:{name}")}"'
        for name in missing[: MOST_NAMESPACES // 2]
    )
    return f"{text[: match.end()]}{made}{text[match.end() :]}"


def _check_loose(text: str, fault: str) -> None:
    """Raise ReadError where a forgiving parser would take too long."""
    markup = [text.partition("<![CDATA[")[0]]
    markup += [part.partition("]]>")[2] for part in text.split("<![CDATA[")[1:]]
    bare = "".join(markup)
    most_short = max(
        sum(piece.lower().count(f"{name}>") for name in ("category", "subject", "author", "creator"))
        for piece in _LOOSE_ITEM.split(bare)
    )
    long = _LONG_TAG.search(bare) or _LOOSE_SHORT.search(text)
    if bare.count("<") > _MOST_LOOSE_TAGS or most_short > MOST_SHORT or long:
        raise ReadError(fault)


# -- by a parser ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Scan:
    """What one strict pass over a document found."""

    open: list[str] = field(default_factory=list)
    """The elements around the parser, by the names they are written with."""
    elements: int = 0
    prefixes: set[str] = field(default_factory=set)
    short: int = 0
    length: int = 0
    """Of the short field that the parser is in."""
    whole: int = 0
    """Where the last whole entry ends, in bytes; 0 where there is none."""
    closing: bytes = b""
    """The end tags that close the document after it."""
    within: bool = False
    """Whether the parser is within an entry."""
    error: expat.ExpatError | None = None


def _scanned(data: bytes) -> _Scan:
    scan = _Scan()
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.namespace_prefixes = True
    parser.buffer_text = True

    def starts(name: str, attributes: dict[str, str]) -> None:
        _, local, prefix = _parts(name)
        scan.open.append(f"{prefix}:{local}" if prefix else local)
        scan.elements += 1
        if scan.elements > MOST_ELEMENTS:
            raise ReadError(f"the feed has more than {MOST_ELEMENTS} elements")
        if len(scan.open) > MOST_NESTING:
            raise ReadError(f"the feed nests deeper than {MOST_NESTING} elements")
        if len(attributes) > MOST_ATTRIBUTES:
            raise ReadError(f"an element of the feed has more than {MOST_ATTRIBUTES} attributes")
        lowered = local.lower()
        if lowered in _ENTRIES and len(scan.open) <= 3:
            scan.within, scan.short = True, 0
        if lowered in _SHORT:
            scan.short, scan.length = scan.short + 1, 0
            if scan.short > MOST_SHORT:
                raise ReadError(f"an entry has more than {MOST_SHORT} authors and categories")

    def ends(name: str) -> None:
        scan.open.pop()
        if _parts(name)[1].lower() in _ENTRIES and len(scan.open) <= 2:
            scan.within, scan.short = False, 0
            scan.whole = data.find(b">", parser.CurrentByteIndex) + 1
            scan.closing = "".join(f"</{name}>" for name in reversed(scan.open)).encode()

    def says(text: str) -> None:
        if scan.open and scan.open[-1].rpartition(":")[2].lower() in _SHORT:
            scan.length += len(text)
            if scan.length > LONGEST_SHORT:
                raise ReadError(f"an author or category has more than {LONGEST_SHORT} characters")

    def binds(prefix: str | None, uri: str) -> None:
        scan.prefixes.add(f"{prefix or ''} {uri}")
        if len(scan.prefixes) > MOST_NAMESPACES:
            raise ReadError(f"the feed declares more than {MOST_NAMESPACES} namespaces")

    parser.StartElementHandler = starts
    parser.EndElementHandler = ends
    parser.CharacterDataHandler = says
    parser.StartNamespaceDeclHandler = binds
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        scan.error = error
    return scan


def _parts(name: str) -> tuple[str, str, str]:
    """An element's namespace, local name and prefix, as the parser joins them."""
    pieces = name.split(" ")
    if len(pieces) == 1:
        return "", name, ""
    return pieces[0], pieces[1], pieces[2] if len(pieces) > 2 else ""
