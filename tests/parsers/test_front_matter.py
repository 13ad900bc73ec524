"""Simple front matter is read without the YAML parser; what it says is what YAML says."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.model.errors import ReadError
from feeds.parsers import front_matter
from feeds.text.plain_text import remove_illegal
from tests.support.examples import examples

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_WORDS = "a b 1 港 🚢 é - ? : , [ ] { } # & * ! | > ' \" % @ ` \\ ~ = < . / ( ) + ... --- https://x.example/y?a=b#c"
_BLANKS = (" ", "  ", "\t", "\u3000", "\xa0", "\u200b", "\ufeff", "- ", ": ", " #", ", ")
_PIECES = st.one_of(st.sampled_from([*_WORDS.split(), *_BLANKS]), st.characters())
_VALUES = st.lists(_PIECES, max_size=8).map("".join)
_SHAPES = st.sampled_from(["{}", "{} ", '"{}"', "[{}]", "[ {} ]"])
_NAMES = st.sampled_from(["title: ", "tags: ", "Tags: ", "date:", "x-y_1:  "])
_LINES = st.builds(lambda name, shape, value: name + shape.replace("{}", value), _NAMES, _SHAPES, _VALUES)


def words(value: object) -> object:
    """A value as the reader gives it: text, or a list of what is text in it."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str) and item]
    return value if isinstance(value, str) else ""


@given(st.lists(_LINES, min_size=1, max_size=3))
@settings(max_examples=examples(1500), deadline=None)
def test_what_is_read_without_yaml_is_what_yaml_reads(lines: list[str]) -> None:
    block = remove_illegal("\n".join(lines))
    try:
        loaded = yaml.load(block, Loader=_LOADER)
    except (yaml.YAMLError, ValueError):
        return
    if isinstance(loaded, dict) and not any(mark in block for mark in (" #", "&", "*")):
        fields, _ = front_matter.split(f"---\n{block}\n---\n")
        assert fields == {str(name).lower(): words(value) for name, value in loaded.items()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '---\nlang: en\ntitle: "{0}"\n---\nb',
            "line 3: the front matter (---) has more than 64,000 characters",
        ),
        ('+++\ntitle = "{0}"\n+++\nb', "line 2: the front matter (+++) has more than 64,000 characters"),
        (
            "---\n" + "a: b\n" * 14_000 + "---\nb",
            "line 1: the front matter (---) has more than 64,000 characters",
        ),
        ("---\ntitle: {0}\n\nb", "line 1: the front matter (---) is never closed"),
        ("+++\ntitle: b\n", "line 1: the front matter (+++) is never closed"),
    ],
)
def test_a_block_that_is_too_long_is_not_called_unclosed(text: str, message: str) -> None:
    with pytest.raises(ReadError) as refused:
        front_matter.split_any(text.replace("{0}", "x" * 70_000))
    assert str(refused.value).startswith(message)
    assert ("this line has 70," in str(refused.value)) == (not message.startswith("line 1"))
