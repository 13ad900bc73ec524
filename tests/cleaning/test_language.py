"""An article's language is what it says, else what its source says, else what it is written in."""

from __future__ import annotations

import pytest

from feeds.cleaning import pipeline
from feeds.cleaning.language import detect_language
from feeds.cleaning.recipe import build_recipe
from feeds.model.articles import EPOCH, Draft, Source


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The ferry crosses the harbour again, and nobody on the quay is surprised.", "en"),
        ("渡轮今天早上又开过了港口，码头上的人谁也没有觉得奇怪。", "zh-Hans"),
        ("守燈人說，霧來的時候燈照常亮著，船也照常回來。", "zh-Hant"),
        ("渡輪七時開，船長和我們都在碼頭；他引了一句「这里没有桥」。", "zh-Hant"),
        ("渡轮七点开，這裡和那里都没有人，我們和他们在等。", "zh"),
        ("フェリーは今朝も港を渡りましたが、誰も驚きませんでした。", "ja"),
        ("Die Fähre überquert wieder den Hafen, und niemand am Kai wundert sich darüber.", "de"),
        ("Le bac traverse de nouveau le port, et personne sur le quai ne s'en étonne vraiment.", "fr"),
    ],
)
def test_a_sentence_is_enough(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["", "Ferry", "渡轮", "1234567890 1234567890 1234567890", "🎉" * 30])
def test_too_little_says_nothing(text: str) -> None:
    assert detect_language(text) == ""


def test_a_title_says_what_a_text_is_too_short_to_say() -> None:
    title = "渡轮停航三个月后，老船长又把它开回了港口"
    assert language_of(title=title, html="") == "zh-Hans"
    assert language_of(title=title, html="<p>The ferry crosses the harbour again, at noon.</p>") == "en"
    assert language_of(title="Ferry", html="") == "xx"


def language_of(title: str, html: str) -> str:
    draft = Draft(link="https://harbour.example/1", title=title, html=html)
    source = Source(slug="harbour", title="Harbour")
    made = pipeline.clean(
        draft,
        source=source,
        recipe=build_recipe([]),
        default_published=EPOCH,
        max_published=EPOCH,
        language="xx",
    )
    return made.article.language
