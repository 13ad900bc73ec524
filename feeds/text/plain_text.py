"""Make plain text: legal in XML, on one line, decoded, summarised.

Pure; imports no other package.
"""

from __future__ import annotations

import html
import re

# Characters that XML 1.0 section 2.2 forbids, the C1 controls and noncharacters that it discourages (one of
# them makes a whole feed unreadable), and the bidi overrides, which reverse the text around them
# (docs/input-facts.md#characters). XML allows everything beyond U+FFFF, and a character class that reaches
# there is ten times slower, so none is listed.
_ILLEGAL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\u202a-\u202e\u2066-\u2069]"
)
# All other characters below U+10000 without `\r`, U+2028 and U+2029, which become `\n`. Most texts
# consist of these alone. This shortcut is twice as fast as a search for the other characters.
_LEGAL = re.compile("[\t\n\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd]*+")
_ILLEGAL_OR_NEWLINE = re.compile(f"{_ILLEGAL.pattern[:-1]}\r\u2028\u2029]")
_NEWLINES = re.compile("\r\n?|\u2028|\u2029")
_C1_CONTROL = re.compile("[\x80-\x9f]")
# What writes these controls means characters of windows-1252 (HTML, "numeric character reference end state").
_WINDOWS_1252 = {byte: bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xA0)}
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_IN_HOST = re.compile("\\s*+[a-z]++://[^/?#\ud800-\udfff]*+[\ud800-\udfff]", re.IGNORECASE)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
# Blanks that are folded into one space. The ideographic space is punctuation and is kept.
_BLANK = re.compile("[ \t\n\x0b\x0c\r\xa0\u2000-\u200a\u202f\u205f]+")
_ANY_BLANK = re.compile(r"\s+")
_SENTENCE_END = re.compile(r"[。！？!?…][”』」’\"')）]*|\.(?=\s)")


def remove_illegal(text: str) -> str:
    r"""Remove characters that XML 1.0 does not allow, and make every line end a `\n`.

    The controls U+0080 to U+009F become the characters that windows-1252 has at their places.
    """
    if _LEGAL.fullmatch(text) or not _ILLEGAL_OR_NEWLINE.search(text):
        return text
    if _C1_CONTROL.search(text):
        text = text.translate(_WINDOWS_1252)
    return _ILLEGAL.sub("", _NEWLINES.sub("\n", text))


def replace_surrogates(text: str) -> str:
    """Replace each lone surrogate, half of a character, by U+FFFD, so that the loss is visible.

    Only escapes such as those of JSON can make one. Python joins the two halves of a character before.
    """
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def remove_surrogates_from_url(url: str) -> str:
    """Remove lone surrogates from a URL, which then can be requested; empty if its host has one."""
    if url.isascii():
        return url
    return "" if _SURROGATE_IN_HOST.match(url) else _SURROGATE.sub("", url)


def to_one_line(text: str) -> str:
    """Convert text to one line, legal in XML.

    Removes zero-width characters and folds runs of blanks into one space.
    """
    if text.isprintable() and "  " not in text:  # a shortcut: the space is the only printable blank
        return text.strip()
    return _BLANK.sub(" ", _INVISIBLE.sub("", remove_illegal(text))).strip()


def decode_entities(text: str) -> str:
    """Decode the HTML entities of a field to one line of plain text.

    Fields have entities that were encoded once or twice (docs/input-facts.md#characters).
    """
    once = html.unescape(text)
    return to_one_line(html.unescape(once) if "&" in once else once)


def remove_blanks(text: str) -> str:
    """Remove all blanks and zero-width characters.

    The results of two versions of a text can be compared.
    """
    return _ANY_BLANK.sub("", _INVISIBLE.sub("", text))


def summarise(text: str, limit: int = 280) -> str:
    """Cut a text to at most `limit` characters on one line.

    It ends after a sentence, or else with an ellipsis.
    """
    line = to_one_line(text[: limit * 2])
    if len(line) <= limit:  # most of the characters were blanks, or the text is short
        line = to_one_line(text[: limit * 8])
    if len(line) <= limit:
        return line
    head = line[: limit - 1]
    ends = [match.end() for match in _SENTENCE_END.finditer(head)]
    if ends and ends[-1] >= limit // 2:
        return head[: ends[-1]]
    cut = head.rfind(" ")
    return (head[:cut] if cut >= limit * 3 // 4 else head).rstrip() + "…"
