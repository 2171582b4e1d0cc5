from collections.abc import Sequence

import numpy as np
import pytest
from scipy.signal import savgol_filter

from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.modalities.series import Series, SeriesChannels, SeriesValues

modality = Series()
AXIS = [f"{850 + 2 * i}.0" for i in range(40)]
RANDOM = np.random.default_rng(0)


def curves(n: int = 30) -> dict[str, list[str]]:
    """Return smooth curves with a column a wavelength."""
    at = np.linspace(0, 3, len(AXIS))
    rows = [3 + a * np.exp(-((at - b) ** 2)) for a, b in RANDOM.uniform(0.5, 2.5, (n, 2))]
    return {name: [f"{row[i]:.6f}" for row in rows] for i, name in enumerate(AXIS)}


def noise(n: int = 30) -> dict[str, list[str]]:
    return {f"x{i}": [f"{v:.4f}" for v in RANDOM.normal(size=n)] for i in range(40)}


def test_smooth_columns_along_an_axis_are_recognised_with_the_reason() -> None:
    found = modality.recognise({"temperature": ["20"] * 30, **curves()})
    assert found is not None
    assert found.columns == tuple(AXIS)
    assert "40 numeric columns, 850.0 … 928.0, are an axis" in found.reason


@pytest.mark.parametrize("spelling", ["{} nm", "wl_{}", "{}"])
def test_an_axis_may_have_a_word_before_or_a_unit_behind_its_numbers(spelling: str) -> None:
    found = modality.recognise({spelling.format(name): cells for name, cells in curves().items()})
    assert found is not None
    assert len(found.columns) == 40


def test_numbered_columns_that_have_nothing_to_do_with_each_other_stay_a_table() -> None:
    assert modality.recognise(noise()) is None


def test_a_few_numbered_columns_in_a_larger_table_stay_a_table() -> None:
    some = dict(list(curves().items())[:11])
    assert modality.recognise(some) is None


@pytest.mark.parametrize("cell", ["[1, 2.5, 3e2, 4, 5, 6]", "1 2 3 4 5 6", "1;2;3;;4;5;6", "(1 2 3 nan 5 6)"])
def test_cells_that_hold_many_numbers_are_series(cell: str) -> None:
    found = modality.recognise({"curve": [cell] * 20, "y": ["1"] * 20})
    assert found is not None
    assert found.columns == ("curve",)


def test_the_vector_is_values_and_what_is_made_of_them() -> None:
    columns = curves()
    featuriser = modality.featuriser("vector", columns, np.arange(20))
    assert isinstance(featuriser, SeriesValues)
    assert featuriser.views == ("values", "snv", "d2")
    array, errors = featuriser.transform(columns)
    raw = np.array([[float(cell) for cell in columns[name]] for name in AXIS]).T
    standard = (raw - raw[:20].mean()) / raw[:20].std()
    assert errors == {}
    assert array[:, :40] == pytest.approx(standard, abs=1e-4)
    rows = (raw - raw.mean(1, keepdims=True)) / raw.std(1, keepdims=True)
    assert array[:, 40:80] == pytest.approx(rows, abs=1e-4)
    assert array[:, 80:] == pytest.approx(savgol_filter(standard, 9, 3, 2, axis=1), abs=1e-5)
    names = featuriser.names()
    assert names[:2] == ("values at 850.0", "values at 852.0")
    assert len(names) == array.shape[1]


def test_channels_hold_the_same_numbers_as_the_vector() -> None:
    columns = curves()
    vector, _ = modality.featuriser("vector", columns, np.arange(20)).transform(columns)
    channels, _ = modality.featuriser("series", columns, np.arange(20)).transform(columns)
    assert np.array_equal(channels.reshape(len(vector), -1), vector)


def test_noisy_series_are_not_differentiated() -> None:
    cells = [" ".join(f"{v:.3f}" for v in RANDOM.normal(size=50)) for _ in range(20)]
    featuriser = modality.featuriser("series", {"v": cells}, np.arange(20))
    assert isinstance(featuriser, SeriesChannels)
    assert featuriser.views == ("values",)
    assert "too much" in str(featuriser.reason())


def test_a_request_may_choose_the_views() -> None:
    featuriser = modality.featuriser("vector", curves(), np.arange(20))
    chosen = featuriser.adjusted({"views": ["snv", "d1"], "window": 11})
    assert chosen.shape().shape == (80,)
    assert chosen.transform(curves())[0].shape == (30, 80)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"vieuws": ["d1"]}, "did you mean 'views'"),
        ({"views": ["d3"]}, "views"),
        ({"window": 8}, "an odd number of points"),
        ({"center": [0.0]}, "views, window"),
        ({"window": 41}, "derivatives over 41 points cannot be taken of rows of 40 values"),
    ],
)
def test_options_that_do_not_fit_are_refused(features: dict[str, object], said: str) -> None:
    featuriser = modality.featuriser("vector", curves(), np.arange(20))
    with pytest.raises((ScitrainError, UnknownNameError), match=said):
        featuriser.adjusted(features).transform(curves())


def problems(cells: Sequence[str], impute: bool = False) -> dict[int, str]:
    good = ["1 2 3 4 5 6"] * 30
    return {row - 30: why for row, why in modality.clean({"v": [*good, *cells]}, impute).errors.items()}


def test_what_is_wrong_with_a_series_is_the_error_of_its_row() -> None:
    said = problems(["1 2 3 4 5", "1 2 x 4 5 6", "1 2 nan 4 5 6", "", "1 2 inf 4 5 6"])
    assert said[0] == "has 5 values where 6 are read"
    assert said[1] == "'x' at position 3 is no number"
    assert said[2].startswith("has a gap: no value at position 3")
    assert said[3].startswith("no values given")
    assert said[4] == "has an infinite or absurdly large value at position 3"


def test_gaps_are_filled_along_a_line_where_it_is_asked_for_then_and_later() -> None:
    assert set(problems(["1 2 nan 4 5 6", "nan nan nan nan 5 6"], impute=True)) == {1}
    cells = {"v": [*["1 2 3 4 5 7"] * 5, "1 2 nan nan 5 9"]}
    featuriser = modality.featuriser("series", cells, np.arange(5))
    array, errors = featuriser.transform(cells)
    assert errors == {}
    assert np.diff(array[5, 0, 1:5]) == pytest.approx([np.diff(array[5, 0])[1]] * 3, rel=1e-5)
    strict = modality.featuriser("series", {"v": cells["v"][:5]}, np.arange(5))
    assert "has a gap" in strict.transform({"v": cells["v"][5:]})[1][0]


def test_rows_that_differ_in_length_by_nature_say_where_they_end() -> None:
    cells = {"v": [" ".join(["1", "2", "4", "3"] * k) for k in (2, 3, 4, 5)] * 5}
    assert modality.clean(cells, impute=False).errors == {}
    featuriser = modality.featuriser("series", cells, np.arange(20))
    array, errors = featuriser.transform({"v": [cells["v"][0], "1 " * 21]})
    assert featuriser.shape().shape == (2, 20)
    assert array[0, 1].tolist() == [1.0] * 8 + [0.0] * 12
    assert np.isnan(array[0, 0, 8:]).all()
    assert errors == {1: "has 21 values where at most 20 are read"}


def test_equal_numbers_are_the_same_input_however_they_are_written() -> None:
    keys = modality.identity({"v": ["1 2 3", "[1.0, 2, 3e0]", "1 2 4"]})
    assert keys[0] == keys[1] != keys[2]
