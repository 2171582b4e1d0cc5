"""Cells as numbers, times, units; columns of text; duplicates."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scitrain.data.columns import TextColumn, take, text_column
from scitrain.data.duplicates import codes, merge
from scitrain.data.units import split_unit
from scitrain.data.values import missing_mask, numbers, spelt_numbers, times


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=30))
def test_numbers_round_trip_through_their_text(values: list[float]) -> None:
    assert numbers([repr(value) for value in values]).values.tolist() == values


@pytest.mark.parametrize(
    ("cell", "value"), [("5.", 5), (".5", 0.5), ("+5", 5), (" 7 ", 7), ("1e-3", 0.001), ("\u22122.5", -2.5), ("-0", 0)]
)
def test_plain_notations_are_numbers(cell: str, value: float) -> None:
    assert numbers([cell]).values[0] == value


@pytest.mark.parametrize("cell", ["1_0", "0x1", "1,5", "inf", "abc", "1e999", "--1", "<5", "1 2"])
def test_everything_else_is_bad(cell: str) -> None:
    assert numbers([cell]).bad[0]


@pytest.mark.parametrize(
    ("cells", "values", "remark"),
    [
        (["1,234.5", "-5", "12 345"], [1234.5, -5, 12345], ", written with thousands separators (1,234.5)"),
        (["1.234,5", "0,25", "7"], [1234.5, 0.25, 7], ", written with a decimal comma (1.234,5)"),
        (["12 %", "-0.5%", ".5 %"], [12, -0.5, 0.5], ", written with a percent sign"),
        (["1.5", "2", ""], [1.5, 2, np.nan], ""),
    ],
)
def test_a_column_is_read_in_the_spelling_its_cells_share(cells: list[str], values: list[float], remark: str) -> None:
    read = spelt_numbers(cells)
    assert read.values.tolist() == pytest.approx(values, nan_ok=True)
    assert read.remark == remark
    assert not read.bad.any()


def test_a_cell_unlike_the_spelling_of_its_column_is_bad() -> None:
    assert spelt_numbers([*["1,234"] * 19, "1,23"]).bad.tolist() == [False] * 19 + [True]
    assert spelt_numbers(["10 %", "ten", "about 3"]).bad.all()


def test_words_for_missing_are_missing() -> None:
    assert missing_mask(["", " ", "NaN", "N/A", "null", "None", "0", "nano"]).tolist() == [True] * 5 + [False] * 3


def test_times_are_numbers_or_dates() -> None:
    assert times(["1", "2.5"]).values.tolist() == [1.0, 2.5]
    read = times(["1970-01-02", "1970-01-01 00:01", "1970-01-01T00:00:01Z", "1971/01", "soon", ""])
    assert read.values[:4].tolist() == [86400.0, 60.0, 1.0, 31536000.0]
    assert read.bad.tolist() == [False, False, False, False, True, False]
    assert np.isnan(times(["2024-02-30", "2024-13-01"]).values).all()
    assert times(["02.01.1970", "31/12/1970"]).values.tolist() == [86400.0, 364 * 86400.0]
    assert times(["01/02/1970", "12/31/1970 00:01"]).values.tolist() == [86400.0, 364 * 86400.0 + 60]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("yield (MPa)", ("yield", "MPa")),
        ("T [K]", ("T", "K")),
        ("density (g/cm^3)", ("density", "g/cm^3")),
        ("rate (mol/(L s))", ("rate", "mol/(L s)")),
        ("E", ("E", None)),
        ("name (string)", ("name (string)", None)),
        ("year (2024)", ("year (2024)", None)),
        ("(MPa)", ("(MPa)", None)),
    ],
)
def test_units_are_told_from_headers(header: str, expected: tuple[str, str | None]) -> None:
    assert split_unit(header) == expected


@given(st.lists(st.text(alphabet="ab\u00e9 1", max_size=3), max_size=20), st.integers(-3, 25))
def test_a_text_column_behaves_as_its_list(cells: list[str], at: int) -> None:
    column = text_column(cells)
    assert column == cells
    assert list(column) == cells
    assert len(column) == len(cells)
    assert list(column[1:at]) == cells[1:at]
    if -len(cells) <= at < len(cells):
        assert column[at] == cells[at]
    order = np.arange(len(cells))[::-1]
    assert list(take({"c": column}, order)["c"]) == cells[::-1]
    assert pa.array(column).to_pylist() == cells


def test_nulls_are_missing_cells_and_chunks_are_joined() -> None:
    assert TextColumn(pa.chunked_array([["a", None], ["b"]])) == ["a", "", "b"]
    assert "n=4" in repr(text_column(list("abcd")))


def test_equal_keys_share_a_number() -> None:
    assert codes(["b", "a", "b"]).tolist() == [0, 1, 0]


def test_numbers_of_one_input_are_averaged_over_known_labels() -> None:
    y = np.array([[1.0, np.nan], [3.0, 4.0], [5.0, 5.0]], dtype=np.float32)
    found = merge(np.array([0, 0, 1]), y, [True, True], "merge")
    assert found.keep.tolist() == [0, 2]
    assert found.y.tolist() == [[2.0, 4.0], [5.0, 5.0]]
    assert found.twin == {1: 0}


def test_classes_take_the_majority_and_an_even_vote_drops_the_input() -> None:
    y = np.array([2, 2, 1, 0, 1, 1])
    found = merge(np.array([0, 0, 0, 1, 1, 2]), y, [False], "merge")
    assert found.keep.tolist() == [0, 5]
    assert found.y.tolist() == [2, 1]
    assert set(found.conflicting) == {3, 4}
    assert (found.groups, found.conflicts) == (2, 2)


def test_drop_conflicts_drops_only_inputs_that_disagree() -> None:
    y = np.array([[1.0], [1.0], [0.0], [1.0], [0.0]], dtype=np.float32)
    found = merge(np.array([0, 0, 1, 1, 2]), y, [False], "drop_conflicts")
    assert found.keep.tolist() == [0, 4]


def test_keep_changes_nothing_but_counts() -> None:
    y = np.array([[1.0], [9.0], [0.0]], dtype=np.float32)
    found = merge(np.array([0, 0, 1]), y, [True], "keep")
    assert (found.keep.tolist(), found.groups, found.conflicts) == ([0, 1, 2], 1, 1)


def test_times_know_time_zones_and_halves_of_the_day() -> None:
    read = times(["1970-01-01T02:00:00+02:00", "1970-01-01 00:00:01Z", "1969-12-31 19:00:02.5-0500"])
    assert read.values.tolist() == [0.0, 1.0, 2.5]
    assert times(["01/13/1970 12:00 AM", "01/13/1970 1:30 PM"]).values.tolist() == [12 * 86400.0, 12.5 * 86400.0 + 5400]
    assert np.isnan(times(["1970-01-01 13:00 PM", "1970-01-01 0:10 AM"]).values).all()


def test_a_moment_without_a_time_zone_among_those_with_one_is_bad() -> None:
    read = times([*["1970-01-01T00:00:00+02:00"] * 3, "1970-01-01T00:00:00"])
    assert read.bad.tolist() == [False, False, False, True]
    assert read.order == "dates, year first, with a time zone"


def test_times_in_several_notations_are_read_in_the_one_that_most_have() -> None:
    read = times([*["17.05.2024 12:00"] * 9, "2024-05-17 12:00"])
    assert read.bad.tolist() == [False] * 9 + [True]
    assert read.order == "dates, day first"
