"""MC dropout: what many passes say, and what they must not depend on."""

import numpy as np
import pytest
import torch

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError
from scitrain.models.mlp import Mlp
from scitrain.models.transformer import Transformer
from scitrain.training.heads import make_head
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Predictor, build_predictor
from scitrain.training.stochastic import dropouts, member_outputs, stochastic_compute

X = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)


def make(task: str = "regression", head: str = "point", **options: object) -> Predictor:
    torch.manual_seed(2)
    model = Mlp.model_validate({"widths": [8, 8], "dropout": 0.4, "norm": "none"} | options)
    return build_predictor(task, model, InputShape("vector", (4,)), 2, 2, make_head(head, 0.9)).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_without_dropout_all_passes_are_the_plain_prediction(task: str) -> None:
    predictor = make(task, dropout=0.0, input_dropout=1e-9)  # a layer that is there, and drops nothing
    plain = predict_array(predictor, X)
    many = stochastic_compute(predictor, 5, 1)(X)
    np.testing.assert_allclose(many[0], plain.prediction, rtol=1e-5)
    np.testing.assert_allclose(many[2], plain.representation, rtol=1e-5)
    outputs = member_outputs(predictor, X, 5)
    torch.testing.assert_close(outputs, member_outputs(predictor, X).repeat(5, 1, 1))


@pytest.mark.parametrize("head", ["point", "gaussian", "quantile"])
def test_what_is_said_of_a_row_depends_neither_on_the_others_nor_on_their_order(head: str) -> None:
    compute = stochastic_compute(make(head=head), 7, 3)
    whole, order = compute(X), np.random.default_rng(1).permutation(9)
    for permuted, told in zip(compute(X[order]), whole, strict=True):
        np.testing.assert_allclose(permuted, told[order], rtol=1e-4, atol=1e-6)
    parts = [np.concatenate(part) for part in zip(compute(X[:4]), compute(X[4:]), strict=True)]
    for part, told in zip(parts, whole, strict=True):
        np.testing.assert_allclose(part, told, rtol=1e-4, atol=1e-6)


def test_the_seed_decides_and_the_callers_randomness_is_left_alone() -> None:
    predictor = make()
    before = torch.get_rng_state()
    one, same, other = (stochastic_compute(predictor, 4, seed)(X)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
    assert torch.equal(before, torch.get_rng_state())
    assert not predictor.training


def test_where_nothing_bends_behind_the_dropout_the_mean_is_the_plain_prediction() -> None:
    predictor = make(widths=[8])  # the head is linear in the mask
    plain = member_outputs(predictor, X)
    many = member_outputs(predictor, X, 400).view(400, *plain.shape)
    error = many.std(dim=0) / 400**0.5
    assert ((many.mean(dim=0) - plain).abs() <= 5 * error + 1e-6).all()
    assert (many.std(dim=0) > 0).any()


def test_a_network_without_dropout_is_refused_with_what_to_do() -> None:
    with pytest.raises(ScitrainError, match=r"has no dropout.*leave mc_dropout out"):
        member_outputs(make(dropout=0.0), X, 3)


def test_a_layer_that_is_passed_twice_has_a_mask_for_each_time() -> None:
    model = Transformer(width=8, depth=1, heads=2, dropout=0.3)
    predictor = build_predictor("regression", model, InputShape("tokens", (5,), vocabulary=6), 1, 1).eval()
    rows = np.array([[1, 2, 3, 0, 0], [5, 4, 3, 2, 1]])
    found = stochastic_compute(predictor, 6, 1)(rows)
    assert len(dropouts(predictor)) > 1
    np.testing.assert_allclose(stochastic_compute(predictor, 6, 1)(rows[::-1])[0], found[0][::-1], rtol=1e-4)
    assert (found[1] > 0).all()
