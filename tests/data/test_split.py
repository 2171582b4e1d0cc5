"""Laws that every split keeps."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scitrain.data.options import SplitOptions, Task
from scitrain.data.split import Division, Rows, balanced_groups, divide, stratified
from scitrain.errors import DataError


def rows(
    n: int,
    seed: int = 0,
    task: Task = "regression",
    groups: Sequence[str] | None = None,
    column: np.ndarray | None = None,
    identity: np.ndarray | None = None,
    default: tuple[str, str] = ("random", ""),
) -> Rows:
    random = np.random.default_rng(seed)
    y = random.normal(size=(n, 1)) if task == "regression" else random.integers(0, 2, (n, 1)).astype(float)
    if task == "multiclass":
        y = random.integers(0, 4, n)
    group: Callable[[str], Sequence[str] | None] = lambda kind: groups  # noqa: E731
    return Rows(np.arange(n) if identity is None else identity, y, task, seed, group, default, column)


def sizes(division: Division) -> tuple[int, ...]:
    return tuple(len(division.split[part]) for part in ("train", "val", "test"))


def together(division: Division) -> np.ndarray:
    return np.concatenate([division.split[part] for part in ("train", "val", "test")])


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(10, 300),
    seed=st.integers(0, 1000),
    kind=st.sampled_from(["auto", "random", "stratified", "kfold", "time"]),
    task=st.sampled_from(["regression", "binary", "multiclass"]),
)
def test_splits_are_disjoint_use_every_row_and_repeat_with_their_seed(n: int, seed: int, kind: str, task: Task) -> None:
    given_rows = rows(n, seed, task, column=np.arange(n, dtype=float))
    options = SplitOptions.model_validate({"kind": kind, "fold": 0})
    one, two = divide(options, given_rows), divide(options, given_rows)
    assert sorted(together(one).tolist()) == list(range(n))
    assert all(np.array_equal(one.split[part], two.split[part]) for part in one.split)
    assert min(sizes(one)) >= 1


def test_another_seed_gives_another_split() -> None:
    options = SplitOptions(kind="random")
    assert not np.array_equal(divide(options, rows(100, 1)).split["test"], divide(options, rows(100, 2)).split["test"])


@settings(max_examples=40, deadline=None)
@given(kinds=st.lists(st.integers(0, 30), min_size=40, max_size=200), seed=st.integers(0, 100))
def test_groups_and_equal_inputs_stay_together(kinds: list[int], seed: int) -> None:
    group = np.array(kinds)
    for options, given_rows in (
        (SplitOptions(kind="scaffold"), rows(len(kinds), seed, groups=[str(k) for k in kinds])),
        (SplitOptions(kind="random"), rows(len(kinds), seed, identity=group)),
        (SplitOptions(kind="stratified"), rows(len(kinds), seed, "binary", identity=group)),
        (SplitOptions(kind="kfold", fold=0), rows(len(kinds), seed, identity=group)),
    ):
        try:
            division = divide(options, given_rows)
        except DataError:
            continue  # few and large groups can leave a split empty, which is said
        parts = [set(group[division.split[part]].tolist()) for part in ("train", "val", "test")]
        assert not parts[0] & parts[1]
        assert not parts[0] & parts[2]
        assert not parts[1] & parts[2]


def test_large_groups_train_and_small_ones_are_dealt() -> None:
    groups = ["big"] * 60 + [f"small{i}" for i in range(40)]
    train, val, test = balanced_groups(groups, (80, 10, 10), seed=3)
    assert set(range(60)) <= set(train.tolist())
    assert (len(train), len(val), len(test)) == (80, 10, 10)


def test_rows_without_a_scaffold_are_groups_of_their_own() -> None:
    division = divide(SplitOptions(kind="scaffold"), rows(100, groups=[""] * 100))
    assert division.groups == 100
    assert sizes(division) == (80, 10, 10)


def test_stratified_keeps_the_share_of_classes() -> None:
    labels = np.array([0] * 900 + [1] * 100)
    train, val, test = stratified(labels, np.arange(1000), (0.8, 0.1, 0.1), seed=5)
    assert (len(train), len(val), len(test)) == (800, 100, 100)
    for part in (val, test):
        assert 8 <= labels[part].sum() <= 12


def test_a_multilabel_stratified_split_spreads_the_rarest_label() -> None:
    y = np.zeros((200, 3))
    y[:100, 0] = 1
    y[:20, 2] = 1
    given_rows = Rows(np.arange(200), y, "multilabel", 0, lambda kind: None)
    division = divide(SplitOptions(kind="stratified", val=0.2, test=0.2), given_rows)
    assert all(y[division.split[part], 2].sum() >= 2 for part in division.split)


def test_time_trains_on_the_past_and_keeps_equal_times_together() -> None:
    moment = np.repeat(np.arange(20.0), 5)[::-1]
    division = divide(SplitOptions(kind="time"), rows(100, column=moment))
    ends = [
        (moment[division.split[part]].min(), moment[division.split[part]].max()) for part in ("train", "val", "test")
    ]
    assert ends[0][1] < ends[1][0]
    assert ends[1][1] < ends[2][0]


def test_an_input_that_recurs_later_leaves_the_earlier_split() -> None:
    identity = np.arange(100)
    identity[99] = 0
    division = divide(SplitOptions(kind="time"), rows(100, identity=identity, column=np.arange(100.0)))
    assert division.removed == {0: 99}
    assert 99 in division.split["test"]
    assert 0 not in together(division)


def test_words_of_a_column_say_the_split() -> None:
    column = np.array(["train"] * 12 + ["val"] * 4 + ["test"] * 4)
    assert sizes(divide(SplitOptions(kind="column"), rows(20, column=column))) == (12, 4, 4)


def test_val_is_carved_from_train_where_the_column_names_none() -> None:
    column = np.array(["train"] * 80 + ["test"] * 20)
    division = divide(SplitOptions(kind="column"), rows(100, column=column))
    assert sizes(division) == (70, 10, 20)
    assert division.split["test"].tolist() == list(range(80, 100))
    assert "taken from train" in division.why


def test_a_fold_number_says_the_test() -> None:
    column = np.array([str(i % 5) for i in range(100)])
    division = divide(SplitOptions(kind="column", fold=3), rows(100, column=column))
    assert set(column[division.split["test"]]) == {"3"}
    with pytest.raises(DataError, match="0, 1, 2, 3, 4"):
        divide(SplitOptions(kind="column", fold=7), rows(100, column=column))


def test_the_folds_of_kfold_cover_every_row_once() -> None:
    tests = [
        divide(SplitOptions(kind="kfold", folds=4, fold=k), rows(103, 1, "binary")).split["test"] for k in range(4)
    ]
    assert sorted(np.concatenate(tests).tolist()) == list(range(103))
    with pytest.raises(DataError, match="not among folds"):
        divide(SplitOptions(kind="kfold", folds=4, fold=4), rows(103))


def test_too_few_rows_say_how_many_are_needed() -> None:
    with pytest.raises(DataError, match="at least 10"):
        divide(SplitOptions(), rows(9))


def test_an_empty_split_is_refused_where_the_kind_was_asked_for() -> None:
    with pytest.raises(DataError, match=r"leaves val and test without rows.*in 1 groups"):
        divide(SplitOptions(kind="scaffold"), rows(50, groups=["one"] * 50))


def test_auto_falls_back_with_its_reason_where_groups_starve_a_split() -> None:
    division = divide(SplitOptions(), rows(50, groups=["one"] * 50, default=("scaffold", "molecules resemble")))
    assert division.kind == "random"
    assert "scaffold split was not taken" in division.why


def test_auto_takes_the_split_of_the_modality_and_else_that_of_the_task() -> None:
    own = [str(i) for i in range(200)]
    assert divide(SplitOptions(), rows(200, groups=own, default=("scaffold", "because"))).why == "because"
    assert divide(SplitOptions(), rows(200)).kind == "random"
    assert divide(SplitOptions(), rows(200, task="binary")).kind == "stratified"


def test_a_group_split_that_the_modality_lacks_is_refused() -> None:
    with pytest.raises(DataError, match="not there for this modality"):
        divide(SplitOptions(kind="scaffold"), rows(50))
