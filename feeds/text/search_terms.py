"""What searching compares: the words of a text and the words that are asked for. Pure; a leaf.

A text is folded (case, width and accents do not count) and cut into runs of letters and digits. Scripts that
put no blank between words, Chinese above all, have runs of their own, in which a word is found wherever it
stands; in other scripts only whole words are.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from zlib import crc32

VERSION = 3
"""Raised with every change to what is kept for searching: everything is then looked up anew."""

MAX_WORD_CHARACTERS = 64

PIECE_COUNT = 0x40000
"""How many pieces the index tells apart, each by a character of the planes 4 to 7: U+40000 is the first. The
fewer they are the sooner an index is written; a pair that occurs nowhere shares its own with one text of 300.
"""

# Thai to Tibetan, Burmese, Khmer; kana, Bopomofo, ideographs; Hangul, whose particles stick to the words.
# Not in it: the ideographic punctuation and the katakana middle dot, which part words.
_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3041-\u3096\u3099\u309a\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f"
    "\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_UNSPACED}]+|[^\\W_{_UNSPACED}]+")
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_SPACED_RUN = re.compile(f"[^ {_UNSPACED}]+")
_ACCENTS = re.compile("[\u0300-\u036f]+")
# A tag of clean HTML: quotes stand in pairs, and only within them may a `>` stand.
_REST_OF_TAG = r"""[^>"]*(?:"[^"]*"[^>"]*)*>"""
_TAG = re.compile(f"</?{_REST_OF_TAG}")
_TAG_WITHIN_WORDS = re.compile(
    "</?(?:a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub"
    f"|sup|time|tt|u|var|wbr)(?![a-zA-Z0-9]){_REST_OF_TAG}",
    re.IGNORECASE,
)


def fold(text: str) -> str:
    """The text without what searching does not tell apart: case, width, ligatures, accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))


def fold_label(text: str) -> str:
    """A tag or a name as it is compared: folded, on one line."""
    return " ".join(part for part in fold(text).split() if part.isprintable())


def searchable_text(title: str, body: str) -> str:
    """What is searched of an article: ` run run run `, made of its title and of its clean HTML."""
    visible = html.unescape(_TAG.sub("\n", _TAG_WITHIN_WORDS.sub("", body)))
    return f" {' '.join(_RUN.findall(fold(f'{title} | {visible}')))} "


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """What an article is found by, made before it is written."""

    title: str
    body: str
    text: str
    """What is `searchable` of title and body."""
    pieces: str
    """Its `pieces`, a blank after each."""


def build_search_document(title: str, body: str) -> SearchDocument:
    """What an article of this title and clean HTML is found by."""
    text = searchable_text(title, body)
    return SearchDocument(title, body, text, index_pieces(text))


def parse_query(asked: str) -> tuple[str, ...]:
    """What is asked for, in its one spelling, sorted: the words of such words are themselves.

    What is written together is looked for together: `well-known`, `BBC新闻`.
    """
    together = ("-".join(_RUN.findall(fold(word))) for word in asked.split())
    return tuple(sorted({word for word in together if word}))


def query_pattern(word: str) -> str:
    """The piece that `searchable` has to contain for one of `words` to occur."""
    runs = word.split("-")
    before = "" if _UNSPACED_CHARACTER.match(runs[0]) else " "
    after = "" if _UNSPACED_CHARACTER.match(runs[-1]) else " "
    return f"{before}{' '.join(runs)}{after}"


def index_pieces(text: str) -> str:
    """What the index knows of a text, or of a `pattern`: each whole word (its beginning, where it is long),
    and each pair of neighbours in a run without blanks. Each is one character (see PIECES), and a blank after
    it; some come twice.

    Where a pattern occurs, all of its pieces are among the text's. The converse does not hold, also because
    pieces share characters: the index only says which texts are worth looking at. A pattern of one ideograph
    has none.
    """
    spaced = {run[:MAX_WORD_CHARACTERS] for run in _SPACED_RUN.findall(text)}
    words = [f"{chr(PIECE_COUNT + crc32(word.encode('utf-8', 'replace')) % PIECE_COUNT)} " for word in spaced]
    return "".join(words) + ("" if text.isascii() else _pairs(text))


# Which high bytes characters of runs without blanks have (with some others: theirs are then pairs as well).
_UNSPACED_ROWS = {
    row
    for first, last in re.findall("(.)-(.)", _UNSPACED)
    for row in range(ord(first) >> 8, (ord(last) >> 8) + 1)
} | set(range(0xD8, 0xE0))  # what is beyond 16 bits is two surrogates
_IS_UNSPACED = bytes(0xFF if row in _UNSPACED_ROWS else 0 for row in range(256))
_PLANE = bytes(PIECE_COUNT >> 16 | row & 3 for row in range(256))


def _pairs(text: str) -> str:
    """Every two neighbours as a piece: both low bytes, and two bits of the first one's high byte.

    All pairs are made at once, each byte of theirs for itself: most of a search's index is made here.
    """
    units = text.encode("utf-16-le", "surrogatepass")
    low, high = units[0::2], units[1::2]
    size = len(low) - 1
    unspaced = high.translate(_IS_UNSPACED)
    both = int.from_bytes(unspaced[:-1], "little") & int.from_bytes(unspaced[1:], "little")
    found = bytearray("\0 ".encode("utf-32-le") * size)
    for at, values in enumerate((low[:-1], low[1:], high[:-1].translate(_PLANE))):
        found[at::8] = (int.from_bytes(values, "little") & both).to_bytes(size, "little")
    return found.decode("utf-32-le").replace("\0 ", "")
