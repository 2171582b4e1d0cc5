from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scitrain.figures.words import (
    columns,
    count,
    number,
    one_line,
    percent,
    percent_interval,
    shorten,
    shortened,
    with_interval,
    wrap,
    wrap_parts,
)


@dataclass(frozen=True)
class Span:
    value: float | None
    low: float | None = None
    high: float | None = None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.61234, "0.612"),
        (1234.5, "1,230"),
        (-0.5, "−0.500"),
        (0, "0"),
        (1.2e-5, "1.20×10⁻⁵"),
        (2.5e9, "2.50×10⁹"),
        (None, "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_a_number_has_three_digits_and_an_undefined_one_is_a_dash(value: float | None, said: str) -> None:
    assert number(value) == said


def test_an_interval_decides_how_many_decimals_a_value_has() -> None:
    assert with_interval(Span(0.61234, 0.5512, 0.6831), "eV") == "0.612 [0.551, 0.683] eV"
    assert with_interval(Span(1234.56, 1100, 1400), "") == "1,230 [1,100, 1,400]"
    assert with_interval(Span(-0.0001, -0.06, 0.05)) == "0.000 [−0.060, 0.050]"
    assert with_interval(Span(0.5), "eV") == "0.500 eV"
    assert with_interval(Span(None, None, None), "eV") == "–"


def test_shares_are_said_in_per_cent() -> None:
    assert (percent(0.9), percent(0.8694), percent(None)) == ("90 %", "86.9 %", "–")
    assert percent_interval(Span(0.869, 0.808, 0.913)) == "86.9 % [80.8, 91.3]"
    assert (count(1234567), count(None)) == ("1,234,567", "–")


@given(st.text(), st.integers(3, 40))
def test_a_shortened_name_fits_and_is_one_line(name: str, width: int) -> None:
    short = shorten(name, width)
    assert columns(short) <= width
    assert one_line(short) == short


@given(
    st.lists(
        st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=60),
        unique=True,
        min_size=1,
        max_size=12,
    )
)
def test_names_that_differ_still_differ_when_shortened(names: list[str]) -> None:
    assert len(set(shortened(names, 12))) == len(names)


def test_what_all_names_share_is_cut_first() -> None:
    names = [f"space group number {i} of the international tables" for i in range(3)]
    assert shortened(names, 18) == ["…0…", "…1…", "…2…"]


@given(st.text(st.characters(categories=["L", "Zs", "N"]), max_size=200), st.integers(4, 60))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    lines = wrap(text, width).splitlines()
    assert all(columns(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_subtitle_breaks_between_its_parts() -> None:
    assert (
        wrap_parts("RMSE 0.61 [0.55, 0.68] eV · n = 160 test rows", 30)
        == "RMSE 0.61 [0.55, 0.68] eV\nn = 160 test rows"
    )
