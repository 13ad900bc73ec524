"""Convert articles and queries to the terms that search compares.

Pure; imports no other package.

A text is folded (case, width and accents are ignored) and cut into runs of letters and digits. Scripts
without blanks between words, such as Chinese, have runs of their own, and a query matches any part of such a
run. In other scripts a query matches whole words only.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from zlib import crc32

VERSION = 3
"""Version of the index's content. Each change to it raises the version, and the index is built anew."""

MAX_WORD_CHARACTERS = 64
"""Characters of a word that the index distinguishes."""

PIECE_COUNT = 0x40000
"""Number of different pieces in the index. Each piece is one character of the planes 4 to 7, and U+40000 is
the first. Fewer pieces make the index faster to write. With this number, a pair of characters that occurs in
no text shares its piece with one text of 300.
"""

# Thai to Tibetan, Burmese, Khmer; kana, Bopomofo, ideographs; Hangul, whose particles are attached to words.
# Without the ideographic punctuation and the katakana middle dot, which separate words.
_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3041-\u3096\u3099\u309a\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f"
    "\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_UNSPACED}]+|[^\\W_{_UNSPACED}]+")
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_SPACED_RUN = re.compile(f"[^ {_UNSPACED}]+")
_ACCENTS = re.compile("[\u0300-\u036f]+")
# A tag of clean HTML: its quotes are paired, and a `<` or `>` inside the tag is always quoted.
_REST_OF_TAG = r"""[^<>"]*+(?:"[^"]*+"[^<>"]*+)*+>"""
_TAG = re.compile(f"</?{_REST_OF_TAG}")
_TAG_WITHIN_WORDS = re.compile(
    "</?(?:a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub"
    f"|sup|time|tt|u|var|wbr)(?![a-zA-Z0-9]){_REST_OF_TAG}",
    re.IGNORECASE,
)


def fold(text: str) -> str:
    """Fold case, width, ligatures and accents, which search ignores."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))


def fold_label(text: str) -> str:
    """Fold a tag or an author's name to one line, for comparing."""
    return " ".join(part for part in fold(text).split() if part.isprintable())


def searchable_text(title: str, body: str) -> str:
    """Build the text of an article that search looks through: ` run run run `.

    It consists of the title and the clean HTML.
    """
    visible = html.unescape(_TAG.sub("\n", _TAG_WITHIN_WORDS.sub("", body)))
    return f" {' '.join(_RUN.findall(fold(f'{title} | {visible}')))} "


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """The search data of one article, built before the article is stored."""

    title: str
    body: str
    text: str
    """The `searchable_text` of title and body."""
    pieces: str
    """The `index_pieces` of that text, a blank after each."""


def build_search_document(title: str, body: str) -> SearchDocument:
    """Build the search data of an article with this title and clean HTML."""
    text = searchable_text(title, body)
    return SearchDocument(title, body, text, index_pieces(text))


def parse_query(query: str) -> tuple[str, ...]:
    """Normalise a query to sorted, unique words. Idempotent.

    The runs of one word must occur side by side: `well-known`, `BBC新闻`. Returns an empty tuple for a query
    without letters and digits.
    """
    words = ("-".join(_RUN.findall(fold(word))) for word in query.split())
    return tuple(sorted({word for word in words if word}))


def query_pattern(word: str) -> str:
    """Return the substring of `searchable_text` for a word of `parse_query`.

    A text that contains the substring contains the word.
    """
    runs = word.split("-")
    before = "" if _UNSPACED_CHARACTER.match(runs[0]) else " "
    after = "" if _UNSPACED_CHARACTER.match(runs[-1]) else " "
    return f"{before}{' '.join(runs)}{after}"


def index_pieces(text: str) -> str:
    """Return the index pieces of a `searchable_text` or a `query_pattern`.

    A blank follows each piece. A piece is one character (see PIECE_COUNT). It stands for a whole word (the
    first MAX_WORD_CHARACTERS of a long one) or for two neighbours in a run without blanks. Some pieces are
    repeated.

    A text that contains a pattern has all pieces of the pattern. The reverse is not true, also because
    different words share pieces: the index only narrows down the texts to look through. A pattern of one
    ideograph has no pieces.
    """
    spaced = {run[:MAX_WORD_CHARACTERS] for run in _SPACED_RUN.findall(text)}
    words = [f"{chr(PIECE_COUNT + crc32(word.encode('utf-8', 'replace')) % PIECE_COUNT)} " for word in spaced]
    return "".join(words) + ("" if text.isascii() else _pairs(text))


# The high bytes of characters in runs without blanks. Some other characters share them and make pairs too.
_UNSPACED_ROWS = {
    row
    for first, last in re.findall("(.)-(.)", _UNSPACED)
    for row in range(ord(first) >> 8, (ord(last) >> 8) + 1)
} | set(range(0xD8, 0xE0))  # a character beyond 16 bits is two surrogates
_IS_UNSPACED = bytes(0xFF if row in _UNSPACED_ROWS else 0 for row in range(256))
_PLANE = bytes(PIECE_COUNT >> 16 | row & 3 for row in range(256))


def _pairs(text: str) -> str:
    """Make a piece of every two neighbours.

    It consists of both low bytes, and two bits of the first high byte. Computes all pairs at once, byte by
    byte, because most pieces of the index come from here.
    """
    units = text.encode("utf-16-le", "surrogatepass")
    low, high = units[0::2], units[1::2]
    size = len(low) - 1
    unspaced = high.translate(_IS_UNSPACED)
    both = int.from_bytes(unspaced[:-1], "little") & int.from_bytes(unspaced[1:], "little")
    pairs = bytearray("\0 ".encode("utf-32-le") * size)
    for offset, values in enumerate((low[:-1], low[1:], high[:-1].translate(_PLANE))):
        pairs[offset::8] = (int.from_bytes(values, "little") & both).to_bytes(size, "little")
    return pairs.decode("utf-32-le").replace("\0 ", "")
