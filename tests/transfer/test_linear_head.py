import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from scitrain.contracts.model import InputShape
from scitrain.models.mlp import Mlp
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.transfer.linear_head import SHRINKAGES, fit_linear_head


def learning(task, y, x, outputs, **options):
    model, shape = Mlp(widths=[4]), InputShape("vector", (x.shape[1],))
    n = len(x)
    asked = TrainingOptions(**options)
    return Learning(task, x, y, np.arange(n * 4 // 5), np.arange(n * 4 // 5, n), outputs, model, shape, asked)


def fitted(work, asked=None):
    return fit_linear_head(work, asked, lambda done, of: None)


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(150, 6)).astype(np.float32)


def test_the_minimum_of_classes_is_that_of_logistic_regression(rows):
    y = (rows[:, 0] > 0.3).astype(np.int64) + (rows[:, 1] > 0)
    work = learning("multiclass", y, rows, 3)
    n, shrinkage = len(work.train), 0.1
    found = fitted(work, shrinkage)
    theirs = LogisticRegression(C=1 / (shrinkage * n), max_iter=2000, tol=1e-10).fit(rows[:n], y[:n])
    np.testing.assert_allclose(found.weights[0].numpy(), theirs.coef_, atol=2e-3)


def test_the_minimum_of_a_number_is_that_of_ridge_in_its_own_unit(rows):
    y = (40 + 7 * rows[:, :1] - 3 * rows[:, 1:2]).astype(np.float32)
    work = learning("regression", y, rows, 1)
    n, shrinkage = len(work.train), 0.2
    found = fitted(work, shrinkage)
    # mean of squares + ½ λ |w|² is, times n, what Ridge minimises with ½ λ n
    theirs = Ridge(alpha=0.5 * shrinkage * n).fit(rows[:n], (y[:n] - found.shift) / found.scale)
    np.testing.assert_allclose(found.weights[0].numpy(), np.atleast_2d(theirs.coef_), atol=1e-4)
    assert found.shift[0] == pytest.approx(y[:n].mean(), rel=1e-5)


@pytest.mark.parametrize("noise", [0.01, 8.0])
def test_noise_is_shrunk_more_than_what_is_exact(rows, noise):
    rng = np.random.default_rng(1)
    y = (rows[:, :1] + noise * rng.normal(size=(150, 1))).astype(np.float32)
    found = fitted(learning("regression", y, rows, 1))
    assert found.shrinkage <= SHRINKAGES[-3] if noise < 1 else found.shrinkage >= 0.3
    assert "cross-validation in 5 parts" in found.why


def test_validation_rows_choose_nothing(rows):
    y = (rows[:, :1] > 0).astype(np.float32)
    work = learning("binary", y, rows, 1)
    other = y.copy()
    other[work.val] = 1 - other[work.val]
    found, turned = fitted(work), fitted(learning("binary", other, rows, 1))
    assert torch.equal(found.weights, turned.weights)
    assert found.history[-1]["val_loss"] < turned.history[-1]["val_loss"]


def test_a_missing_label_takes_no_part(rows):
    y = np.concatenate([rows[:, :1] > 0, rows[:, 1:2] > 0], axis=1).astype(np.float32)
    y[::2, 0] = np.nan
    found = fitted(learning("multilabel", y, rows, 2), 0.05)
    assert torch.isfinite(found.weights).all()
    assert found.weights[0, 0].abs().argmax() == 0
    assert found.weights[0, 1].abs().argmax() == 1


def test_several_members_learn_from_resampled_rows_and_the_same_seed_gives_the_same(rows):
    y = (rows[:, :1] + rows[:, 2:3]).astype(np.float32)
    found, again = (fitted(learning("regression", y + 1, rows, 1, ensemble=3), 0.1) for _ in range(2))
    assert found.weights.shape == (3, 1, 6)
    assert torch.equal(found.weights, again.weights)
    assert not torch.equal(found.weights[0], found.weights[1])
