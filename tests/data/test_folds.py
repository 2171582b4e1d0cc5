"""Laws that folds keep."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scitrain.data.dealing import Division, Rows
from scitrain.data.folds import deal_groups
from scitrain.data.options import DataOptions, SplitOptions, Task
from scitrain.data.prepare import prepare
from scitrain.data.split import divide
from scitrain.errors import DataError
from scitrain.workspace import Workspace


def rows(
    n: int,
    groups: Sequence[str] | None = None,
    task: Task = "regression",
    column: Sequence[str] | None = None,
    forecast: bool = False,
) -> Rows:
    random = np.random.default_rng(n)
    y = random.normal(size=(n, 1)) if task == "regression" else (np.arange(n) % 5 == 0).astype(float)[:, None]
    values = None if column is None else np.array(column)
    return Rows(np.arange(n), y, task, 3, lambda _: groups, ("scaffold", "they resemble"), values, forecast=forecast)


def of_fold(given_rows: Rows, fold: int | None, folds: int = 4, **more: object) -> Division:
    return divide(SplitOptions.model_validate({"kind": "kfold", "folds": folds, "fold": fold, **more}), given_rows)


def parts(division: Division) -> list[np.ndarray]:
    return [division.split[part] for part in ("train", "val", "test")]


@settings(max_examples=20)
@given(kinds=st.lists(st.integers(0, 40), min_size=60, max_size=200))
def test_every_row_is_tested_once_and_no_group_is_on_two_sides(kinds: list[int]) -> None:
    group = np.array(kinds)
    given_rows = rows(len(kinds), [str(k) for k in kinds])
    whole = of_fold(given_rows, None)
    found = [of_fold(given_rows, fold) for fold in range(4)]
    assert whole.folds is not None
    for fold, division in enumerate(found):
        assert np.array_equal(np.sort(division.split["test"]), np.flatnonzero(whole.folds == fold))
        assert np.array_equal(np.sort(np.concatenate(parts(division))), np.arange(len(kinds)))
        if whole.groups is not None:
            train, val, test = (set(group[part].tolist()) for part in parts(division))
            assert not train & test
            assert not val & test
            assert not train & val


def test_what_is_kept_learns_from_all_rows_and_tests_on_none() -> None:
    whole = of_fold(rows(100, [str(i // 3) for i in range(100)]), None)
    train, val, test = parts(whole)
    assert len(test) == 0
    assert np.array_equal(np.sort(np.concatenate([train, val])), np.arange(100))
    assert 5 <= len(val) <= 15
    assert "whole groups by scaffold: they resemble" in whole.why


def test_groups_that_starve_a_fold_are_left_with_their_reason() -> None:
    whole = of_fold(rows(100, ["one"] * 70 + [str(i) for i in range(30)]), None)
    assert whole.groups is None
    assert "folds by scaffold were not taken, as they" in whole.why


def test_groups_can_be_left_aside_when_asked() -> None:
    assert of_fold(rows(100, [str(i // 3) for i in range(100)]), 1, grouped=False).groups is None


def test_a_rare_class_is_spread_over_folds_of_groups() -> None:
    units = np.repeat(np.arange(60), 3)
    rare = (units % 10 == 0).astype(np.int64)
    of = deal_groups(units, rare, 3, 0)
    assert [int(rare[of == fold].sum()) for fold in range(3)] == [6, 6, 6]
    assert np.bincount(of).max() - np.bincount(of).min() <= 3


def test_classes_keep_their_share_in_folds_of_rows() -> None:
    given_rows = rows(100, task="binary")
    whole = of_fold(given_rows, None)
    assert whole.folds is not None
    assert [int(given_rows.y[whole.folds == fold].sum()) for fold in range(4)] == [5, 5, 5, 5]


def test_folds_of_a_column_are_each_the_test_or_the_one_that_is_said() -> None:
    given_rows = rows(60, column=[str(1 + i % 3) for i in range(60)])
    whole = divide(SplitOptions(kind="column"), given_rows)
    assert whole.folds is not None
    assert np.unique(whole.folds).tolist() == [1, 2, 3]
    one = divide(SplitOptions(kind="column", fold=2), given_rows)
    assert np.array_equal(one.split["test"], np.flatnonzero(whole.folds == 2))
    assert one.folds is None


@pytest.mark.parametrize(
    ("division", "said"),
    [
        (lambda: of_fold(rows(40, forecast=True), None), "learn from what comes after"),
        (lambda: of_fold(rows(40), 4), "not among folds"),
        (lambda: of_fold(rows(12), None, folds=20), "do not fill 20 folds"),
        (lambda: divide(SplitOptions(kind="column"), rows(20, column=["1"] * 20)), "all usable rows have fold 1"),
    ],
)
def test_folds_that_cannot_be_say_why(division, said) -> None:
    with pytest.raises(DataError, match=said):
        division()


def test_prepared_rows_know_their_folds_and_what_no_weight_was_fitted_to(workspace: Workspace) -> None:
    lines = [f"{a:.3f},{b:.3f},{a + b:.3f}" for a, b in np.random.default_rng(1).normal(size=(60, 2))]
    (workspace.root / "t.csv").write_text("\n".join(["a,b,y", *lines]))
    found = prepare(DataOptions(data="t.csv", target="y", split=SplitOptions(kind="kfold", folds=3)), workspace)
    assert found.folds == (0, 1, 2)
    assert found.report["split"]["folds"] == {"0": 20, "1": 20, "2": 20}  # type: ignore[index, call-overload]  # JSON
    assert np.array_equal(found.held_out, found.split["val"])
    one = prepare(DataOptions(data="t.csv", target="y", split=SplitOptions(kind="kfold", folds=3, fold=1)), workspace)
    assert one.folds == ()
    assert np.array_equal(one.held_out, one.split["test"])
