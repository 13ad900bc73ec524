"""Which language a text is written in, where nobody says so. Pure."""

from __future__ import annotations

from turbohtml.detect import detect_language

_ENOUGH = 20
_LOOKED_AT = 400
_SURE_ENOUGH = 0.8

# The recogniser answers in ISO 639-3; BCP 47 wants the short code where there is one (RFC 5646, 2.2.1).
_SHORT = {
    "ara": "ar", "bul": "bg", "cat": "ca", "ces": "cs", "cmn": "zh", "dan": "da", "deu": "de", "ell": "el",
    "eng": "en", "fin": "fi", "fra": "fr", "heb": "he", "hin": "hi", "hun": "hu", "ind": "id", "ita": "it",
    "jpn": "ja", "kor": "ko", "nld": "nl", "nob": "nb", "pes": "fa", "pol": "pl", "por": "pt", "ron": "ro",
    "rus": "ru", "spa": "es", "swe": "sv", "tha": "th", "tur": "tr", "ukr": "uk", "vie": "vi",
}  # fmt: skip


def recognised(text: str) -> str:
    """The language of a text as a BCP 47 tag; empty where it is too short or the answer too unsure."""
    if len(text) < _ENOUGH:
        return ""
    match = detect_language(text[:_LOOKED_AT])
    return _SHORT.get(match.language or "", "") if match.confidence >= _SURE_ENOUGH else ""
