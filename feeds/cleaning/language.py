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

# The same character as the two scripts write it, traditional first: what a page of text is sure to have.
_PAIRS = (
    "這这們们來来說说時时為为國国個个對对會会過过學学問问開开關关還还給给經经發发現现樣样點点實实應应當当動动"
    "電电業业東东車车長长門门間间無无書书話话請请讓让認认識识從从進进遠远運运邊边頭头義义習习買买賣卖產产親亲"
    "傳传價价體体幾几處处備备務务團团圍围圖图場场聲声聽听師师帶带張张歸归態态總总戰战護护報报擔担擇择換换據据"
    "數数斷断舊旧顯显術术條条殺杀權权極极構构標标樹树歡欢歐欧氣气漢汉濟济滿满滅灭靈灵熱热愛爱環环監监碼码確确"
    "離离種种穩稳筆笔簡简類类紅红紀纪級级純纯線线組组細细終终結结統统繼继絕绝續续維维羅罗職职聯联腦脑節节藝艺"
)
_TRADITIONAL, _SIMPLIFIED = frozenset(_PAIRS[::2]), frozenset(_PAIRS[1::2])
_OUTWEIGHS = 4  # times: a quotation or a name in the other script changes nothing


def recognised(text: str) -> str:
    """The language of a text as a BCP 47 tag; empty where it is too short or the answer too unsure."""
    if len(text) < _ENOUGH:
        return ""
    head = text[:_LOOKED_AT]
    match = detect_language(head)
    language = _SHORT.get(match.language or "", "") if match.confidence >= _SURE_ENOUGH else ""
    return _in_its_script(head) if language == "zh" else language


def _in_its_script(text: str) -> str:
    """Chinese with its script, where the characters that differ tell which (RFC 5646, 2.2.3)."""
    traditional = sum(character in _TRADITIONAL for character in text)
    simplified = sum(character in _SIMPLIFIED for character in text)
    if traditional > _OUTWEIGHS * simplified:
        return "zh-Hant"
    return "zh-Hans" if simplified > _OUTWEIGHS * traditional else "zh"
