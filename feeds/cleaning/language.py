"""Detect the language of a text. Pure."""

from __future__ import annotations

from turbohtml import detect

_MIN_CHARACTERS = 20
_MAX_CHARACTERS = 400
_MIN_CONFIDENCE = 0.8

# The detector returns ISO 639-3 codes; BCP 47 wants the two-letter code if there is one (RFC 5646, 2.2.1).
_BCP_47 = {
    "ara": "ar", "bul": "bg", "cat": "ca", "ces": "cs", "cmn": "zh", "dan": "da", "deu": "de", "ell": "el",
    "eng": "en", "fin": "fi", "fra": "fr", "heb": "he", "hin": "hi", "hun": "hu", "ind": "id", "ita": "it",
    "jpn": "ja", "kor": "ko", "nld": "nl", "nob": "nb", "pes": "fa", "pol": "pl", "por": "pt", "ron": "ro",
    "rus": "ru", "spa": "es", "swe": "sv", "tha": "th", "tur": "tr", "ukr": "uk", "vie": "vi",
}  # fmt: skip

# Pairs of one character in both scripts, traditional first, so common that a page of text has some of them.
_PAIRS = (
    "這这們们來来說说時时為为國国個个對对會会過过學学問问開开關关還还給给經经發发現现樣样點点實实應应當当動动"
    "電电業业東东車车長长門门間间無无書书話话請请讓让認认識识從从進进遠远運运邊边頭头義义習习買买賣卖產产親亲"
    "傳传價价體体幾几處处備备務务團团圍围圖图場场聲声聽听師师帶带張张歸归態态總总戰战護护報报擔担擇择換换據据"
    "數数斷断舊旧顯显術术條条殺杀權权極极構构標标樹树歡欢歐欧氣气漢汉濟济滿满滅灭靈灵熱热愛爱環环監监碼码確确"
    "離离種种穩稳筆笔簡简類类紅红紀纪級级純纯線线組组細细終终結结統统繼继絕绝續续維维羅罗職职聯联腦脑節节藝艺"
)
_TRADITIONAL, _SIMPLIFIED = frozenset(_PAIRS[::2]), frozenset(_PAIRS[1::2])
# Characters of one script for each of the other, so that a quotation or a name changes nothing.
_MIN_RATIO = 4


def detect_language(text: str) -> str:
    """Detect the language of a text, as a BCP 47 tag.

    Empty if the text has less than 20 characters or the confidence is below 0.8. Only the first 400
    characters are examined.
    """
    if len(text) < _MIN_CHARACTERS:
        return ""
    head = text[:_MAX_CHARACTERS]
    match = detect.detect_language(head)
    language = _BCP_47.get(match.language or "", "") if match.confidence >= _MIN_CONFIDENCE else ""
    return _with_script(head) if language == "zh" else language


def _with_script(text: str) -> str:
    """Return `zh-Hant` or `zh-Hans`; `zh` if no script prevails (RFC 5646, 2.2.3)."""
    traditional = sum(character in _TRADITIONAL for character in text)
    simplified = sum(character in _SIMPLIFIED for character in text)
    if traditional > _MIN_RATIO * simplified:
        return "zh-Hant"
    return "zh-Hans" if simplified > _MIN_RATIO * traditional else "zh"
