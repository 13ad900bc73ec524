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

VERSION = 2
"""Raised with every change to what is kept for searching: everything is then looked up anew."""

_LONGEST_WORD = 64
_BLANK = ord(" ")

# Thai to Tibetan, Burmese, Khmer; kana, Bopomofo, ideographs; Hangul, whose particles stick to the words.
# Not in it: the ideographic punctuation and the katakana middle dot, which part words.
_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3041-\u3096\u3099\u309a\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f"
    "\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_FIRST_UNSPACED = _UNSPACED[0]
_RUN = re.compile(f"[{_UNSPACED}]+|[^\\W_{_UNSPACED}]+")
_UNSPACED_ONE = re.compile(f"[{_UNSPACED}]")
_ACCENTS = re.compile("[\u0300-\u036f]+")
# A tag of clean HTML: quotes stand in pairs, and only within them may a `>` stand.
_REST_OF_TAG = r"""[^>"]*(?:"[^"]*"[^>"]*)*>"""
_TAG = re.compile(f"</?{_REST_OF_TAG}")
_TAG_WITHIN_WORDS = re.compile(
    "</?(?:a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub"
    f"|sup|time|tt|u|var|wbr)(?![a-zA-Z0-9]){_REST_OF_TAG}",
    re.IGNORECASE,
)


def folded(text: str) -> str:
    """The text without what searching does not tell apart: case, width, ligatures, accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))


def label(text: str) -> str:
    """A tag or a name as it is compared: folded, on one line."""
    return " ".join(part for part in folded(text).split() if part.isprintable())


def searchable(title: str, body: str) -> str:
    """What is searched of an article: ` run run run `, made of its title and of its clean HTML."""
    visible = html.unescape(_TAG.sub("\n", _TAG_WITHIN_WORDS.sub("", body)))
    return f" {' '.join(_RUN.findall(folded(f'{title} | {visible}')))} "


@dataclass(frozen=True, slots=True)
class Findable:
    """What an article is found by, made before it is written."""

    title: str
    body: str
    text: str
    """What is `searchable` of title and body."""
    numbers: str
    """Its `pieces`, a blank between them."""


def findable(title: str, body: str) -> Findable:
    """What an article of this title and clean HTML is found by."""
    text = searchable(title, body)
    return Findable(title, body, text, " ".join(map(str, pieces(text))))


def words(asked: str) -> tuple[str, ...]:
    """What is asked for, in its one spelling, sorted: the words of such words are themselves.

    What is written together is looked for together: `well-known`, `BBC新闻`.
    """
    together = ("-".join(_RUN.findall(folded(word))) for word in asked.split())
    return tuple(sorted({word for word in together if word}))


def pattern(word: str) -> str:
    """The piece that `searchable` has to contain for one of `words` to occur."""
    runs = word.split("-")
    before = "" if _UNSPACED_ONE.match(runs[0]) else " "
    after = "" if _UNSPACED_ONE.match(runs[-1]) else " "
    return f"{before}{' '.join(runs)}{after}"


def pieces(text: str) -> set[int]:
    """What the index knows of a text, or of a `pattern`, as numbers of 32 bits with a sign: each whole word
    (its beginning, where it is long), and each pair of neighbours in a run without blanks.

    Where a pattern occurs, all of its pieces are among the text's. The converse does not hold, also because
    two pieces may share a number: the index only says which texts are worth looking at. A pattern of one
    ideograph has none.
    """
    found, unspaced = set(), []
    for run in set(text.split()):
        if run[0] >= _FIRST_UNSPACED and _UNSPACED_ONE.match(run):
            unspaced.append(run)
        else:
            found.add(crc32(run[:_LONGEST_WORD].encode("utf-8", "replace")) - 0x80000000)
    return found | _pairs(" ".join(unspaced))


def _pairs(text: str) -> set[int]:
    """Neighbours that are no blanks: two characters of 16 bits are one number of 32, read as it stands."""
    units = text.encode("utf-16-le", "surrogatepass")
    pairs: set[int] = set()
    for part in (memoryview(units), memoryview(units)[2:]):
        pairs.update(part[: len(part) // 4 * 4].cast("i"))
    return {pair for pair in pairs if pair & 0xFFFF != _BLANK and pair >> 16 != _BLANK}
