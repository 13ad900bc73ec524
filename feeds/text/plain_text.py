"""Plain text: what XML may carry, what a title looks like, where a summary ends. Pure; a leaf."""

from __future__ import annotations

import html
import re

# XML 1.0 section 2.2 without the discouraged C1 controls and noncharacters (PUBLISHING: one of them
# kills a whole feed), and without the bidi overrides that turn the text around them
# (docs/input-facts.md#characters). Nothing beyond U+FFFF is listed: XML takes it all, and a class that
# reaches there is ten times slower.
_ILLEGAL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    "\u202a-\u202e\u2066-\u2069]"
)
# All else below U+10000, and `\r` and its kin are line ends to be mended: what most texts are made of alone.
# A shortcut, twice as fast as searching for what is not in it.
_LEGAL = re.compile("[\t\n\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd]*+")
_ILLEGAL_OR_NEWLINE = re.compile(f"{_ILLEGAL.pattern[:-1]}\r\x85\u2028\u2029]")
_NEWLINES = re.compile("\r\n?|\x85|\u2028|\u2029")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
# Blanks that fold into one; the ideographic space is punctuation of its own and stays.
_BLANK = re.compile("[ \t\n\x0b\x0c\r\xa0\u2000-\u200a\u202f\u205f]+")
_ANY_BLANK = re.compile(r"\s+")
_SENTENCE_END = re.compile(r"[。！？!?…][”』」’\"')）]*|\.(?=\s)")


def remove_illegal(text: str) -> str:
    r"""Leave out what XML 1.0 does not allow and make every line end a `\n`."""
    if _LEGAL.fullmatch(text) or not _ILLEGAL_OR_NEWLINE.search(text):
        return text
    return _ILLEGAL.sub("", _NEWLINES.sub("\n", text))


def to_one_line(text: str) -> str:
    """One line of visible text: legal, no zero-width characters, blanks folded."""
    if text.isprintable() and "  " not in text:  # a shortcut: of all blanks only the space is printable
        return text.strip()
    return _BLANK.sub(" ", _INVISIBLE.sub("", remove_illegal(text))).strip()


def decode_entities(text: str) -> str:
    """Plain text of a field that may carry HTML entities, encoded once or twice
    (docs/input-facts.md#characters).
    """
    once = html.unescape(text)
    return to_one_line(html.unescape(once) if "&" in once else once)


def remove_blanks(text: str) -> str:
    """The text without any blank or zero-width character: what two versions are compared by."""
    return _ANY_BLANK.sub("", _INVISIBLE.sub("", text))


def summarise(text: str, limit: int = 280) -> str:
    """The beginning of a text, at most `limit` characters, cut after a sentence or else with an ellipsis."""
    line = to_one_line(text[: limit * 2])
    if len(line) <= limit:  # most of that was blanks, or there is no more
        line = to_one_line(text[: limit * 8])
    if len(line) <= limit:
        return line
    head = line[: limit - 1]
    ends = [match.end() for match in _SENTENCE_END.finditer(head)]
    if ends and ends[-1] >= limit // 2:
        return head[: ends[-1]]
    cut = head.rfind(" ")
    return (head[:cut] if cut >= limit * 3 // 4 else head).rstrip() + "…"
