import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scitrain.errors import DataError
from scitrain.modalities.tabular import TableFeaturiser, Tabular

modality = Tabular()
TABLE = {
    "t": ["1", "2.5", "NA", "-3e2", "7", "8"],
    "phase": ["alpha", "beta", "alpha", "n/a", "beta", "alpha"],
    "wet": ["yes", "No", "YES", "no", "yes", "no"],
    "day": ["2020-01-02", "2021-03-04", "2020-07-09", "2020-01-01", "2020-02-02", "2020-03-03"],
}


def learned(columns: dict[str, list[str]], train: list[int] | None = None) -> TableFeaturiser:
    rows = np.array(train if train is not None else range(len(next(iter(columns.values())))))
    made = modality.featuriser("vector", columns, rows)
    assert isinstance(made, TableFeaturiser)
    return made


def column(cells: list[str]) -> np.ndarray:
    """Values of a table's only column, in float32."""
    array, errors = learned({"x": cells}).transform({"x": cells})
    assert errors == {}
    return array[:, 0]


@pytest.mark.parametrize(
    ("cells", "style", "values"),
    [
        (["1", "-2.5", "3e2", " 4 ", ".5"], "plain", [1, -2.5, 300, 4, 0.5]),
        (["1,234", "5", "1,234,567.5"], "thousands", [1234, 5, 1234567.5]),
        (["1 234", "12 345.5"], "thousands", [1234, 12345.5]),
        (["1,5", "2,25", "3", "1.234,5"], "comma", [1.5, 2.25, 3, 1234.5]),
        (["0,123", "0,456"], "comma", [0.123, 0.456]),
        (["12%", "3.5 %"], "percent", [12, 3.5]),
        (["−1.5", "2"], "plain", [-1.5, 2]),
    ],
)
def test_numbers_are_read_in_the_spelling_of_their_column(cells: list[str], style: str, values: list[float]) -> None:
    spec = learned({"x": cells}).columns[0]
    assert (spec.kind, spec.style) == ("number", style)
    assert spec.why
    assert column(cells) == pytest.approx(values)


@pytest.mark.parametrize("word", ["", "NA", "N/A", "null", "nan", "NaN", "-", "?", "None", " "])
def test_a_missing_number_stays_nan_and_is_flagged(word: str) -> None:
    cells = ["1", "2", word, "4"]
    featuriser = learned({"x": cells})
    array, errors = featuriser.transform({"x": cells})
    assert errors == {}
    assert np.isnan(array[2, 0])
    assert featuriser.names() == ("x", "x is missing")
    assert array[:, 1].tolist() == [0, 0, 1, 0]


def test_none_and_na_are_categories_where_the_column_holds_words() -> None:
    featuriser = learned({"x": ["None", "NA", "high", "None", "NA", "high"]})
    assert featuriser.columns[0].levels == ("NA", "None", "high")
    assert not featuriser.columns[0].optional


def test_categories_unseen_in_training_share_a_slot() -> None:
    cells = ["a", "b", "a", "b", "c"]
    featuriser = learned({"x": cells}, train=[0, 1, 2, 3])
    assert featuriser.names() == ("x = a", "x = b", "x = any other")
    array, _ = featuriser.transform({"x": [*cells, "zzz"]})
    assert array.tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]


def test_a_missing_category_has_a_slot_where_training_knew_one() -> None:
    array, _ = learned({"x": ["a", "", "a", "b", "b"]}).transform({"x": ["", "a", "q"]})
    assert array.tolist() == [[0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0]]


def test_letters_that_are_no_pair_of_truth_values_are_categories() -> None:
    assert learned({"x": ["N", "F", "N", "F"]}).columns[0].kind == "category"
    assert learned({"x": ["Y", "N", "Y", "N"]}).columns[0].kind == "boolean"


def test_truth_values_become_one_and_zero() -> None:
    assert column(["yes", "No", "YES"]).tolist() == [1, 0, 1]
    assert column(["true", "False"]).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["2020-01-02", "2020-12-31"], "ymd"),
        (["2020/1/2", "2020/12/31"], "ymd"),
        (["13/02/2020", "01/02/2020"], "dmy"),
        (["02/13/2020", "01/02/2020"], "mdy"),
        (["2.1.2020", "31.12.2020"], "dmy"),
    ],
)
def test_dates_count_days_from_the_first_training_date(cells: list[str], order: str) -> None:
    spec = learned({"x": cells}).columns[0]
    assert (spec.kind, spec.order) == ("date", order)
    assert column(cells).min() == 0


def test_days_between_dates_are_right_with_times_and_leap_years() -> None:
    assert column(["2020-02-28", "2020-03-01", "2020-03-01T12:00:00Z"]).tolist() == [0, 2, 2.5]


def test_what_is_learned_comes_from_training_rows_alone() -> None:
    changed = {name: [*cells[:4], "", ""] for name, cells in TABLE.items()}
    first, second = learned(TABLE, [0, 1, 2]), learned(changed, [0, 1, 2])
    for one, other in zip(first.columns, second.columns, strict=True):
        assert one.model_copy(update={"optional": True}) == other.model_copy(update={"optional": True})


def test_a_cell_unlike_its_column_is_an_error_with_the_value() -> None:
    cells = [str(value) for value in range(40)] + ["12a"]
    cleaned = modality.clean({"x": cells}, impute=True)
    assert list(cleaned.errors) == [40]
    assert "'12a' is no number" in cleaned.errors[40]
    assert modality.clean({"x": ["inf", *cells[:40]]}, impute=True).errors.keys() == {0}
    array, errors = learned({"x": cells[:40]}).transform({"x": ["1", "12a", "inf", "1e39"]})
    assert set(errors) == {1, 2, 3}
    assert array[:, 0].tolist() == [1, 0, 0, 0]


def test_a_missing_cell_is_an_error_only_where_nothing_may_be_imputed() -> None:
    assert modality.clean(TABLE, impute=True).errors == {}
    assert set(modality.clean(TABLE, impute=False).errors) == {2, 3}


def test_a_cell_that_was_never_missing_in_training_may_not_be_missing_later() -> None:
    array, errors = learned({"x": ["1", "2"], "k": ["a", "b"]}).transform({"x": ["", "1"], "k": ["a", ""]})
    assert "never was in training" in errors[0]
    assert errors[1].startswith("k: missing")
    assert not array.any()


def test_extreme_magnitudes_survive_float32() -> None:
    assert len(set(column(["1700000000", "1700000001", "1700000002"]).tolist())) == 3
    tiny = column(["1.6e-40", "1.7e-40", "1.9e-40"])
    assert np.isfinite(tiny).all()
    assert len(set(tiny.tolist())) == 3
    assert np.isfinite(column(["1e200", "2e200", "3e200"])).all()


def test_recognition_leaves_out_names_prose_and_empty_columns_with_the_reason() -> None:
    columns = {
        "x": [str(value) for value in range(30)],
        "id": [f"sample-{value}" for value in range(30)],
        "note": ["a long remark about how this sample was made, stored and measured in the lab"] * 30,
        "void": [""] * 30,
    }
    found = modality.recognise(columns)
    assert found is not None
    assert found.columns == ("x",)
    for name in ("id", "note", "void"):
        assert f"left out {name}" in found.reason
    assert modality.recognise({"void": ["", ""]}) is None


def test_equal_values_are_the_same_input_however_they_are_written() -> None:
    keys = modality.identity({"x": ["1.0", "1", "1.00", "2", ""], "k": ["a", " a", "b", "a", "a"]})
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


def test_a_table_without_a_value_is_refused() -> None:
    with pytest.raises(DataError, match="has a value in the training rows"):
        modality.featuriser("vector", {"x": ["", "", "5"]}, np.array([0, 1]))


def test_a_featuriser_round_trips_through_json_and_its_options_are_json() -> None:
    featuriser = learned(TABLE)
    assert TableFeaturiser.model_validate_json(featuriser.model_dump_json()) == featuriser
    assert json.loads(json.dumps(featuriser.options(), allow_nan=False)) == featuriser.options()


def test_shape_names_and_blocks_fit_the_array() -> None:
    featuriser = learned(TABLE)
    array, _ = featuriser.transform(TABLE)
    assert array.dtype == np.float32
    assert array.shape[1:] == featuriser.shape().shape
    assert len(featuriser.names()) == array.shape[1]
    start, end = featuriser.shape().blocks["flags"]
    assert set(np.unique(array[:, start:end])) <= {0.0, 1.0}


@given(st.lists(st.floats(-1e6, 1e6, width=32).filter(lambda x: x == 0 or abs(x) > 1e-3), min_size=2, max_size=30))
def test_written_numbers_are_read_back(values: list[float]) -> None:
    cells = [repr(value) for value in values]
    featuriser = learned({"x": cells})
    spec = featuriser.columns[0]
    array, errors = featuriser.transform({"x": cells})
    assert errors == {}
    assert array[:, 0] * np.float32(spec.scale) + np.float32(spec.shift) == pytest.approx(values, rel=1e-4, abs=1e-4)


@example(["NIL"])
@given(st.lists(st.text(max_size=12), min_size=1, max_size=20))
def test_any_cells_can_be_cleaned_learned_and_read(cells: list[str]) -> None:
    cleaned = modality.clean({"x": cells}, impute=True)
    keep = [row for row in range(len(cells)) if row not in cleaned.errors]
    kept = {"x": [cleaned.columns["x"][row] for row in keep]}
    modality.identity(kept)
    try:
        featuriser = learned(kept)
    except DataError:
        return
    array, errors = featuriser.transform(kept)
    assert errors == {}
    assert array.shape == (len(keep), *featuriser.shape().shape)
    assert not np.isinf(array).any()


def test_words_that_never_occur_twice_teach_nothing():
    with pytest.raises(DataError, match="no word of note occurs twice"):
        learned({"note": [f"remark {i}" for i in range(30)]})
