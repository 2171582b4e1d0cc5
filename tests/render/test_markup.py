import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scitrain.render.markup import environment, fence, markdown, value_words


@settings(max_examples=60)
@given(st.text())
def test_escaped_text_is_one_line_without_open_marks(text: str) -> None:
    line = markdown(text)
    assert "\n" not in line
    assert not re.search(r"(?<!\\)(\\\\)*[`*|~$]", line)
    assert "<" not in line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("0.612 [0.551, 0.683]", "0.612 [0.551, 0.683]"),
        ("formation_enthalpy", "formation_enthalpy"),
        ("_x_", r"\_x\_"),
        ("a|b", r"a\|b"),
        ("<b>", "&lt;b&gt;"),
        ("# x", "&#35; x"),
        ("- x", "&#45; x"),
        ("1. x", "&#49;. x"),
        ("[x](y)", r"&#91;x\](y)"),
        ("www.x.org", "www&#46;x.org"),
        ("a\n| b", r"a \| b"),
    ],
)
def test_text_is_escaped_where_it_would_mean_something_and_only_there(text: str, line: str) -> None:
    assert markdown(text) == line


@given(st.text(st.sampled_from("`a\n")))
def test_a_fence_is_longer_than_any_in_the_text(text: str) -> None:
    ticks = fence(text).split("\n", 1)[0]
    assert ticks not in text


def test_html_is_escaped_and_markdown_is_not() -> None:
    assert environment().autoescape("report.html.j2")  # type: ignore[operator]  # select_autoescape gives a function
    assert not environment().autoescape("model_card.md.j2")  # type: ignore[operator]


def test_values_are_said_in_words() -> None:
    assert value_words({"a": [1, 2.5], "b": None, "c": True}) == "a: 1, 2.5, b: none, c: yes"
    assert value_words([]) == "none"
