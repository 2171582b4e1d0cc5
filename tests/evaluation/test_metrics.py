"""Each metric on an example worked by hand, and the laws they obey."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scitrain.evaluation.metrics import METRICS, PRIMARY, metrics_for

Y = np.array([1.0, 2.0, 3.0, 4.0])
SAID = np.array([1.0, 2.0, 3.0, 6.0])
LABELS = np.array([0.0, 0.0, 1.0, 1.0])


def two(p):
    p = np.asarray(p, dtype=float)
    return np.stack([1 - p, p], axis=1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rmse", 1.0),  # √(2² / 4)
        ("mae", 0.5),  # 2 / 4
        ("r2", 1 - 4 / 5),  # Σ(y − ȳ)² = 5
        ("spearman", 1.0),  # the order is right
    ],
)
def test_regression_metrics_by_hand(name, expected):
    assert METRICS[name].value(Y, SAID) == pytest.approx(expected)


def test_spearman_shares_the_ranks_of_ties():
    # ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5
    assert METRICS["spearman"].value(Y, np.array([1.0, 2.0, 2.0, 3.0])) == pytest.approx(4.5 / np.sqrt(4.5 * 5))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 3 / 4),
        ("balanced_accuracy", (1 + 1 / 2) / 2),
        ("f1_macro", (4 / 5 + 2 / 3) / 2),  # negative: 2·2/(2·2+1), positive: 2·1/(2·1+1)
        ("mcc", (1 * 2 - 0 * 1) / np.sqrt(1 * 2 * 2 * 3)),  # (TP·TN − FP·FN)/√((TP+FP)(TP+FN)(TN+FP)(TN+FN))
        ("auroc", 3 / 4),  # of 4 pairs one is the wrong way round
        ("auprc", 1 / 2 * 1 + 1 / 2 * 2 / 3),
        ("log_loss", -np.log([0.9, 0.6, 0.35, 0.8]).mean()),
    ],
)
def test_class_metrics_by_hand(name, expected):
    assert METRICS[name].value(LABELS, two([0.1, 0.4, 0.35, 0.8])) == pytest.approx(expected)


def test_ece_is_the_mean_gap_of_bins():
    # two values, so two bins: 0.2 with 1 of 4 true, 0.8 with 4 of 4 true
    y = np.array([0, 0, 0, 1, 1, 1, 1, 1], dtype=float)
    said = two([0.2] * 4 + [0.8] * 4)
    assert METRICS["ece"].value(y, said) == pytest.approx((4 * 0.05 + 4 * 0.2) / 8)


def test_multiclass_auroc_is_the_mean_of_one_against_the_rest():
    y = np.array([0.0, 1.0, 2.0])
    said = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.3, 0.5, 0.2]])
    # class 0: above both; class 1: above one, tied with the other; class 2: above one, below the other
    assert METRICS["auroc"].value(y, said) == pytest.approx((1 + 0.75 + 0.5) / 3)


@pytest.mark.parametrize("name", ["r2", "spearman"])
def test_a_constant_target_leaves_a_correlation_undefined(name):
    assert METRICS[name].value(np.ones(4), SAID) is None


@pytest.mark.parametrize("name", ["balanced_accuracy", "f1_macro", "mcc", "auroc", "auprc"])
def test_one_class_leaves_a_ranking_undefined(name):
    assert METRICS[name].value(np.ones(4), two([0.1, 0.4, 0.35, 0.8])) is None


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.integers(0, 3)), min_size=3, max_size=12))
def test_counting_a_row_twice_is_the_same_as_having_it_twice(rows):
    y, said, counts = (np.array(part, dtype=float) for part in zip(*rows, strict=True))
    repeated = np.repeat(np.arange(len(y)), counts.astype(int))
    for name in ("rmse", "mae", "r2", "spearman"):
        weighted = METRICS[name].measure(y, said, counts[None])[0]
        plain = METRICS[name].value(y[repeated], said[repeated])
        assert (plain is None and not np.isfinite(weighted)) or weighted == pytest.approx(plain, rel=1e-6, abs=1e-6)


def test_units_follow_the_power_of_the_metric():
    assert METRICS["rmse"].unit("eV") == "eV"
    assert METRICS["r2"].unit("eV") == ""
    assert METRICS["rmse"].unit(None) is None


def test_each_task_has_its_deciding_metric_among_its_metrics():
    for task, name in PRIMARY.items():
        assert METRICS[name] in metrics_for(task)
