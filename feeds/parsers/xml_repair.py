"""Repair XML for a strict parser, and bound it before any other code parses it.

The XML of feeds has a few common faults: undeclared entities of HTML, a bare `&`, references to forbidden
characters, undeclared prefixes, a missing end. They are repaired in the text. The document type is removed,
so nothing can be expanded or fetched. Pure.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from xml.parsers import expat

from feeds.model.errors import ReadError
from feeds.parsers.document import MAX_ENTRIES
from feeds.text.plain_text import remove_illegal

MAX_ELEMENTS = 500_000  # take about 7 s, of which the scan takes 0.4 s and feedparser the rest
MAX_DEPTH = 400
MAX_NAMESPACES = 200
MAX_ATTRIBUTES = 100  # of an element: feedparser searches all of them for each one
# Short fields: feedparser compares each with all before it, or searches it for mail addresses in quadratic
# time.
MAX_SHORT_FIELDS = 1_000  # of an entry
MAX_SHORT_CHARACTERS = 4_000  # of a field
MAX_MAIL_SEARCH_COST = 1_000_000_000
"""Sum of the squared lengths of the authors in a document. feedparser searches each author for a mail address
in quadratic time: 60 ms for 4,000 characters, so about 4 s for a document.
"""
_SHORT_FIELDS = frozenset(
    "author creator contributor managingeditor webmaster publisher name email category subject keywords "
    "tags owner credit date pubdate published updated issued created modified lastbuilddate".split()
)
_AUTHORS = frozenset({"author", "creator", "managingeditor", "webmaster"})
_ENTRY_NAMES = frozenset({"item", "entry"})
_MAX_DOCTYPE_CHARACTERS = 64_000
_MAX_EXPANDED_CHARACTERS = 1_000_000
_MAX_REPAIRS = 100_000
_MAX_TOLERATED_TAGS = 100_000
_LONG_TAG = re.compile(r"<[^<>]{20000}")
_CUT_OFF_CODES = frozenset(
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)
_JUNK_CODE = expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]
"""There is text after the end of the document, such as a notice of the program that made it."""
_UNBOUND_PREFIX_CODE = expat.errors.codes[expat.errors.XML_ERROR_UNBOUND_PREFIX]

_DECLARATION = (
    '<?xml version="1.0" encoding="utf-8"?>\n'  # on a line of its own: feedparser searches that line for it
)
_BLANKS = re.compile(r"[\s\ufeff]*")
# What PHP prints before a document when it finds a fault in the page's program.
_PROGRAM_OUTPUT = re.compile(
    r"\s*(?:<br ?/?>\s*)*(?:<(?:b|p|pre|div|strong)\b[^<>]{0,200}>\s*)*"
    r"(?:PHP )?(?:Warning|Notice|Deprecated|Strict Standards|(?:Catchable )?Fatal error|Parse error)\b",
    re.IGNORECASE,
)
_FEED_START = re.compile(r"<\?xml\s|<(?:rss|rdf:RDF|feed)(?=[\s>])")
_PAGE_TAG = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)
_NOT_OUTPUT = frozenset({"rss", "rdf", "feed", "html", "head", "body"})
"""Roots of documents that begin at once."""
_MAX_OUTPUT_CHARACTERS = 20_000
_ROOT = re.compile(r"<(?:[\w.\-]{1,40}:)?([A-Za-z][\w.\-]{0,40})(?=[\s/>])", re.ASCII)
_DOCTYPE_PART = re.compile(r"[\[\]>\"']|<!--")
_ENTITY = re.compile(r"<!ENTITY\s+([A-Za-z][\w.\-]{0,60})\s+(?:\"([^\"<%]{0,200})\"|'([^'<%]{0,200})')\s*>")
_MARKUP = re.compile(r"<!\[CDATA\[|<!--|<\?|<(?![A-Za-z_:/!?\u0080-\uffff])|\]\]>|&")
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
    "podcast": "https://podcastindex.org/namespace/1.0",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "wfw": "http://wellformedweb.org/CommentAPI/",
    "xhtml": "http://www.w3.org/1999/xhtml",
}
_ENTRY_TAG = re.compile(r"<(?:item|entry)[\s>]", re.IGNORECASE)
_ENTRY_TAG_BYTES = re.compile(_ENTRY_TAG.pattern.encode(), re.IGNORECASE)
_CDATA_OR_ENTRY = re.compile(
    r"<!\[CDATA\[(?:[^\]]|\](?!\]>))*+|<(?:\w{1,20}:)?(item|entry)(?=[\s/>])", re.IGNORECASE
)
_LONG_SHORT_FIELD = re.compile(
    rf"<(?:\w{{1,20}}:)?(?:{'|'.join(sorted(_SHORT_FIELDS))})\b[^>]{{0,500}}>(?:<!\[CDATA\[)?[^<]{{{MAX_SHORT_CHARACTERS}}}",
    re.IGNORECASE,
)
_AUTHOR_TAG = re.compile(
    rf"<((?:\w{{1,20}}:)?(?:{'|'.join(sorted(_AUTHORS))}))\b[^>]{{0,500}}(?<!/)>", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class RepairedDocument:
    """A document that a parser can read."""

    data: bytes
    """UTF-8, without a document type, comments or processing instructions."""
    fault: str = ""
    """The fault that could not be repaired, as `line 7: …`; empty if there is none."""
    is_cut_off: bool = False
    """Whether the document ended within an entry. This entry is left out."""
    entries_left: int = 0
    """Number of entries that were removed from the end, because the document is too large."""


def root_offset(text: str) -> int:
    """Return the offset of the root element; the length of the text if it has none."""
    return _prolog(text)[0]


def root_name(text: str) -> str:
    """Return the local name of the root element in lower case; empty if the text is not XML."""
    match = _ROOT.match(text, root_offset(text))
    return match[1].lower() if match else ""


def lines_before_root(text: str) -> int:
    """Return the number of newlines before the root element."""
    return text.count("\n", 0, _prolog(text)[0])


def blank_output(text: str, *, is_fetched: bool) -> str:
    """Remove the text before a feed, but its newlines, so that lines keep their numbers.

    A program that makes a feed prints its notices before the document, and answers of servers begin with
    other texts too. In a file only what looks like a notice is removed, because an article may quote a feed.
    Returns the text as it is if no feed begins within its first 20,000 characters, or if it is a web page.
    """
    if root_name(text) in _NOT_OUTPUT:
        return text
    if not is_fetched and not _PROGRAM_OUTPUT.match(text[:_MAX_OUTPUT_CHARACTERS]):
        return text
    start = _FEED_START.search(text, 0, _MAX_OUTPUT_CHARACTERS)
    if start is None or _PAGE_TAG.search(text, 0, start.start()):
        return text
    return "\n" * text.count("\n", 0, start.start()) + text[start.start() :]


def repair(text: str) -> RepairedDocument:
    """Repair the text of a document.

    Raises ReadError if it exceeds the bounds, ends before its first entry does, or is so broken that a
    tolerant parser would take too long.
    """
    start, entities = _prolog(text)
    skipped = text.count("\n", 0, start) - 1
    body = _DECLARATION + _repair_references(text[start:], entities)
    scan = _scan(body.encode())
    if scan.error is not None and scan.error.code == _UNBOUND_PREFIX_CODE:
        body = _declare_prefixes(body)
        scan = _scan(body.encode())
    data = body.encode()
    if (
        scan.error is not None
        and scan.error.code == _JUNK_CODE
        and not _ENTRY_TAG_BYTES.search(data, scan.error_offset)
    ):
        data, scan.error = data[: scan.error_offset], None
    if scan.is_cut:
        return RepairedDocument(data[: scan.entries_end] + scan.closing_tags, entries_left=scan.entries_left)
    if scan.error is None:
        return RepairedDocument(data)
    line = scan.error.lineno + skipped
    fault = f"line {line}: {expat.errors.messages[scan.error.code]}"
    if scan.error.code in _CUT_OFF_CODES:
        if not scan.entries_end:
            raise ReadError(f"line {line}: the feed ends before its first entry does")
        return RepairedDocument(
            data[: scan.entries_end] + scan.closing_tags, fault, is_cut_off=scan.is_in_entry
        )
    body, entries_left = _cut_entries(body)
    _check_tolerant_parsing(body, fault)
    return RepairedDocument(body.encode(), fault, entries_left=entries_left)


# -- as text -------------------------------------------------------------------------------------------------


def _prolog(text: str) -> tuple[int, dict[str, str]]:
    """Return the offset of the root element, and the entities that are declared."""
    position, entities = 0, dict[str, str]()
    while True:
        blank = _BLANKS.match(text, position)
        position = blank.end() if blank else position
        if text.startswith("<?", position):
            end = text.find("?>", position) + 2
        elif text.startswith("<!--", position):
            end = text.find("-->", position + 4) + 3
        elif text[position : position + 9].upper() == "<!DOCTYPE":
            end = _end_of_doctype(text, position)
            for name, double, single in _ENTITY.findall(text[position:end]):
                value = html.unescape(double or single)
                if "&" not in value and "<" not in value:
                    entities.setdefault(name, value)
        else:
            return position, entities
        if end <= position:
            return len(text), entities
        position = end


def _end_of_doctype(text: str, start: int) -> int:
    """Return the offset behind a document type; -1 if it does not end within the bounds."""
    position, is_in_subset, last = start, False, start + _MAX_DOCTYPE_CHARACTERS
    while part := _DOCTYPE_PART.search(text, position, last):
        position = part.end()
        if part[0] in "\"'":
            position = text.find(part[0], position, last) + 1
        elif part[0] == "<!--":
            position = text.find("-->", position, last) + 1
        elif part[0] != ">":
            is_in_subset = part[0] == "["
        elif not is_in_subset:
            return position
        if position == 0:
            break
    return -1


def _repair_references(text: str, entities: dict[str, str]) -> str:
    """Repair the references of a text, and remove comments and instructions. Keeps the number of lines."""
    parts, position, expanded_characters, repairs = list[str](), 0, 0, 0
    while markup := _MARKUP.search(text, position):
        start = markup.start()
        parts.append(text[position:start])
        if markup[0] == "<![CDATA[":
            end = text.find("]]>", start)
            position = end + 3 if end >= 0 else len(text)
            parts.append(text[start:position])
        elif markup[0] in ("<!--", "<?"):
            end = text.find("-->" if markup[0] == "<!--" else "?>", markup.end())
            position = end + (3 if markup[0] == "<!--" else 2) if end >= 0 else len(text)
            parts.append("\n" * text.count("\n", start, position))
        elif markup[0] == "&":
            reference = _REFERENCE.match(text, start)
            position = reference.end() if reference else start + 1
            replacement = _repair_reference(reference[1], entities) if reference else "&amp;"
            repairs += reference is None
            expanded_characters += max(0, len(replacement) - 10)
            if expanded_characters > _MAX_EXPANDED_CHARACTERS:
                raise ReadError(f"its entities stand for more than {_MAX_EXPANDED_CHARACTERS} characters")
            parts.append(replacement)
        else:
            position = markup.end()
            repairs += 1
            parts.append(html.escape(markup[0]))
        if repairs > _MAX_REPAIRS:
            raise ReadError(f"the feed has more than {_MAX_REPAIRS} characters (&, <) that are not markup")
    parts.append(text[position:])
    return "".join(parts)


def _repair_reference(name: str, entities: dict[str, str]) -> str:
    """Return a valid form of `&name;`: itself if XML defines it, else its characters, else as text."""
    if name in _XML_ENTITIES:
        return f"&{name};"
    if name in entities:
        return html.escape(remove_illegal(entities[name]))
    text = html.unescape(f"&{name};")
    if text == f"&{name};" and not name.startswith("#"):
        return f"&amp;{name};"
    return "".join(f"&#{ord(char)};" for char in remove_illegal(text) if char != "\ufffd")


def _declare_prefixes(text: str) -> str:
    """Declare at the root each prefix that is used and not declared there."""
    match = _ROOT.search(text)
    if match is None:
        return text
    head = text[match.start() : text.find(">", match.end()) + 1]
    prefixes = dict.fromkeys(_PREFIX.findall(text))
    missing = [
        name for name in prefixes if f"xmlns:{name}" not in head and name.lower() not in ("xml", "xmlns")
    ]
    declarations = "".join(
        f' xmlns:{name}="{_KNOWN_PREFIXES.get(name, f"urn:x-undeclared:{name}")}"'
        for name in missing[: MAX_NAMESPACES // 2]
    )
    return f"{text[: match.end()]}{declarations}{text[match.end() :]}"


def _cut_entries(text: str) -> tuple[str, int]:
    """Cut text that is not well-formed before entry MAX_ENTRIES + 1; return it and the number cut off."""
    count, end = 0, len(text)
    for match in _CDATA_OR_ENTRY.finditer(text):
        if match[1]:
            count += 1
            if count == MAX_ENTRIES + 1:
                end = match.start()
    return text[:end], max(0, count - MAX_ENTRIES)


def _check_tolerant_parsing(text: str, fault: str) -> None:
    """Raise ReadError with the fault if a tolerant parser would take too long."""
    markup = [text.partition("<![CDATA[")[0]]
    markup += [part.partition("]]>")[2] for part in text.split("<![CDATA[")[1:]]
    bare = "".join(markup)
    short_fields = max(
        sum(part.lower().count(f"{name}>") for name in ("category", "subject", "author", "creator"))
        for part in _ENTRY_TAG.split(bare)
    )
    has_long_part = _LONG_TAG.search(bare) or _LONG_SHORT_FIELD.search(text)
    if bare.count("<") > _MAX_TOLERATED_TAGS or short_fields > MAX_SHORT_FIELDS or has_long_part:
        raise ReadError(fault)
    cost = 0
    for author in _AUTHOR_TAG.finditer(text):
        end = text.find(f"</{author[1]}", author.end())
        cost += ((end if end >= 0 else len(text)) - author.end()) ** 2
        if cost > MAX_MAIL_SEARCH_COST:
            raise ReadError(fault)


# -- by a parser ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Scan:
    """State and result of one strict pass over a document."""

    open_elements: list[str] = field(default_factory=list)
    """Names of the elements that are open, as written."""
    element_count: int = 0
    prefixes: set[str] = field(default_factory=set)
    short_fields: int = 0
    short_characters: int = 0
    """Characters of the current short field."""
    mail_search_cost: int = 0
    entry_count: int = 0
    """Number of complete entries that are read."""
    is_cut: bool = False
    """Whether the bounds are reached: the entries from here on are only counted."""
    entries_left: int = 0
    """Number of entries behind `entries_end`, once the bounds are reached."""
    entries_end: int = 0
    """Offset in bytes behind the last complete entry that is read; 0 if there is none."""
    closing_tags: bytes = b""
    """End tags that complete the document behind that entry."""
    is_in_entry: bool = False
    """Whether the current position is within an entry."""
    error: expat.ExpatError | None = None
    error_offset: int = 0
    """Offset in bytes of the error."""


def _scan(data: bytes) -> _Scan:
    """Parse a document strictly, up to its first error. Raises ReadError if it exceeds the bounds."""
    scan = _Scan()
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.namespace_prefixes = True
    parser.buffer_text = True

    def start_element(name: str, attributes: dict[str, str]) -> None:
        _, local, prefix = _split_name(name)
        scan.open_elements.append(f"{prefix}:{local}" if prefix else local)
        scan.element_count += 1
        if scan.element_count > MAX_ELEMENTS and not scan.is_cut:
            if not scan.entry_count:
                raise ReadError(f"the feed has more than {MAX_ELEMENTS} elements before its first entry ends")
            scan.is_cut, scan.entries_left = True, int(scan.is_in_entry)
        if len(scan.open_elements) > MAX_DEPTH:
            raise ReadError(f"the feed nests deeper than {MAX_DEPTH} elements")
        if len(attributes) > MAX_ATTRIBUTES:
            raise ReadError(f"an element of the feed has more than {MAX_ATTRIBUTES} attributes")
        field_name = local.lower()
        if field_name in _ENTRY_NAMES and len(scan.open_elements) <= 3:
            if scan.entry_count >= MAX_ENTRIES:
                scan.is_cut = True
            scan.entries_left += scan.is_cut
            scan.is_in_entry, scan.short_fields = True, 0
        if field_name in _SHORT_FIELDS and not scan.is_cut:
            scan.short_fields, scan.short_characters = scan.short_fields + 1, 0
            if scan.short_fields > MAX_SHORT_FIELDS:
                raise ReadError(f"an entry has more than {MAX_SHORT_FIELDS} authors and categories")

    def end_element(name: str) -> None:
        scan.open_elements.pop()
        if scan.is_cut:
            return
        local = _split_name(name)[1].lower()
        if local in _AUTHORS:
            scan.mail_search_cost += scan.short_characters**2
            if scan.mail_search_cost > MAX_MAIL_SEARCH_COST:
                raise ReadError("the authors of the feed have too many characters")
        if local in _ENTRY_NAMES and len(scan.open_elements) <= 2:
            scan.is_in_entry, scan.short_fields = False, 0
            scan.entry_count += 1
            scan.entries_end = data.find(b">", parser.CurrentByteIndex) + 1
            scan.closing_tags = "".join(f"</{name}>" for name in reversed(scan.open_elements)).encode()

    def character_data(text: str) -> None:
        if scan.is_cut or not scan.open_elements:
            return
        if scan.open_elements[-1].rpartition(":")[2].lower() in _SHORT_FIELDS:
            scan.short_characters += len(text)
            if scan.short_characters > MAX_SHORT_CHARACTERS:
                raise ReadError(f"an author or category has more than {MAX_SHORT_CHARACTERS} characters")

    def start_namespace(prefix: str | None, uri: str) -> None:
        scan.prefixes.add(f"{prefix or ''} {uri}")
        if len(scan.prefixes) > MAX_NAMESPACES:
            raise ReadError(f"the feed declares more than {MAX_NAMESPACES} namespaces")

    parser.StartElementHandler = start_element
    parser.EndElementHandler = end_element
    parser.CharacterDataHandler = character_data
    parser.StartNamespaceDeclHandler = start_namespace
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        scan.error, scan.error_offset = error, parser.ErrorByteIndex
    return scan


def _split_name(name: str) -> tuple[str, str, str]:
    """Split a name, as expat joins it, into namespace, local name and prefix; empty if missing."""
    parts = name.split(" ")
    if len(parts) == 1:
        return "", name, ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""
