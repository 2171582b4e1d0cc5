import numpy as np
import pytest
import torch

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError
from scitrain.explaining import deep_lift
from scitrain.explaining.attribute import attribute
from scitrain.explaining.function import Explained
from scitrain.explaining.maps import fine_map
from scitrain.explaining.methods import METHODS, choose_method
from scitrain.explaining.part import Part
from scitrain.models.cnn import Cnn
from scitrain.models.cnn1d import Cnn1d
from scitrain.models.mlp import Mlp
from scitrain.models.transformer import Transformer
from scitrain.training.predictor import build_predictor
from scitrain.training.transforms import learn_input

RNG = np.random.default_rng(5)
ROWS = RNG.normal(size=(6, 4)).astype(np.float32)
EXACT = ("integrated_gradients", "shap", "deep_lift_shap", "occlusion")


@pytest.mark.parametrize("method", EXACT)
def test_of_a_linear_model_each_is_the_coefficient_times_the_difference(linear, ask, method):
    coefficients = [2.0, -1.0, 0.5, 0.0]
    baseline = np.array([0.5, 0.0, 1.0, 3.0], np.float32)
    found = attribute(method, ask(linear(coefficients), ROWS, baseline))
    np.testing.assert_allclose(found.values, (ROWS - baseline) * coefficients, atol=2e-5)
    np.testing.assert_allclose(found.difference, ((ROWS - baseline) * coefficients).sum(axis=1), atol=1e-5)


@pytest.mark.parametrize(("task", "outputs"), [("regression", 1), ("binary", 1), ("multiclass", 3)])
def test_integrated_gradients_add_up_to_the_difference_from_the_baseline(bent, ask, task, outputs):
    question = ask(bent(task, outputs), ROWS, np.zeros(4, np.float32), outputs=np.full(6, outputs - 1))
    found = attribute("integrated_gradients", question)
    assert found.error is not None
    assert found.error < 1e-3
    np.testing.assert_allclose(found.values.sum(axis=1), found.difference, atol=1e-3)


def test_shap_adds_up_to_the_difference_from_the_background_within_its_sampling(bent, ask):
    background = RNG.normal(size=(20, 4)).astype(np.float32)
    found = attribute("shap", ask(bent(), ROWS, np.zeros(4, np.float32), background=background))
    assert found.error is not None
    assert 0 < found.error < 0.15


def test_deep_lift_adds_up_to_the_difference_from_the_background(bent, ask):
    background = RNG.normal(size=(20, 4)).astype(np.float32)
    found = attribute("deep_lift_shap", ask(bent(), ROWS, np.zeros(4, np.float32), background=background))
    assert found.error is not None
    assert found.error < 1e-4
    assert found.steps == 20
    np.testing.assert_allclose(found.values.sum(axis=1), found.difference, atol=1e-3)


def test_deep_lift_counts_what_is_made_of_a_descriptor_for_the_descriptor(ask):
    shape = InputShape("vector", (3,), blocks={"descriptors": (0, 2), "counts": (2, 3)})
    rows = np.abs(RNG.normal(size=(40, 3))).astype(np.float32)
    inputs, inner = learn_input(shape, rows, np.arange(40))
    assert inner.shape[0] > 3
    torch.manual_seed(1)
    predictor = build_predictor("regression", Mlp(widths=[8]), inner, 1, 2).eval()
    predictor.inputs = inputs
    found = attribute("deep_lift_shap", ask(predictor, rows[:5], np.zeros(3, np.float32), background=rows))
    assert found.values.shape == (5, 3)
    assert found.error < 1e-4


def test_deep_lift_refuses_layers_without_a_rule_and_sums_that_miss(ask, monkeypatch):
    shape = InputShape("series", (1, 24))
    x = RNG.normal(size=(2, 1, 24)).astype(np.float32)
    predictor = build_predictor("regression", Transformer(width=8, depth=1, heads=2), shape, 1, 1).eval()
    question = ask(predictor, x, np.float32(0), background=x)
    with pytest.raises(ScitrainError, match=r"deep_lift_shap has no rule for the layer .*; method='shap'"):
        attribute("deep_lift_shap", question)
    monkeypatch.setattr(deep_lift, "UNFIT", ())
    monkeypatch.setattr(deep_lift, "refuse_unfit", lambda predictor: None)
    with pytest.raises(ScitrainError, match=r"its values miss the predictions by \d+%"):
        attribute("deep_lift_shap", question)


@pytest.mark.parametrize("method", EXACT)
def test_a_column_that_the_model_ignores_gets_nothing(bent, ask, method):
    found = attribute(method, ask(bent(), ROWS, np.zeros(4, np.float32)))
    np.testing.assert_allclose(found.values[:, 3], 0, atol=1e-6)
    assert np.abs(found.values[:, :3]).max() > 0


@pytest.mark.parametrize("method", EXACT)
def test_a_missing_value_gets_nothing_and_the_rest_still_adds_up(bent, ask, method):
    rows = ROWS.copy()
    rows[1, 0] = np.nan
    predictor = bent()
    found = attribute(method, ask(predictor, rows, np.zeros(4, np.float32)))
    assert np.isfinite(found.values).all()
    assert found.values[1, 0] == 0
    if method == "integrated_gradients":
        with torch.no_grad():
            said = predictor(torch.from_numpy(rows[1:2]))[0].item()
            base = predictor(torch.tensor([[np.nan, 0.0, 0.0, 0.0]]))[0].item()
        assert found.values[1].sum() == pytest.approx(said - base, abs=1e-3)


def test_values_occluded_together_share_what_they_change(linear, ask):
    question = ask(linear([2.0, -1.0, 0.5, 0.0]), ROWS, np.zeros(4, np.float32), groups=np.array([0, 0, 1, 2]))
    found = attribute("occlusion", question).values
    np.testing.assert_allclose(found[:, :2].sum(axis=1), ROWS[:, :2] @ [2.0, -1.0], atol=1e-5)
    np.testing.assert_allclose(found[:, 0], found[:, 1], atol=1e-6)


def test_the_same_seed_gives_the_same_numbers(bent, ask):
    background = RNG.normal(size=(9, 4)).astype(np.float32)
    one, two = (attribute("shap", ask(bent(), ROWS, np.zeros(4, np.float32), background=background)) for _ in range(2))
    np.testing.assert_array_equal(one.values, two.values)


def test_the_function_says_calibrated_log_odds(bent):
    for task, outputs in (("binary", 1), ("multiclass", 3)):
        predictor = bent(task, outputs)
        predictor.temperature.fill_(0.7)
        rows = torch.from_numpy(ROWS)
        with torch.no_grad():
            p = predictor(rows)[0]
            torch.testing.assert_close(Explained(predictor)(rows), torch.log(p / (1 - p)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("method", METHODS["image"])
def test_images_have_a_map_of_their_own_size(ask, method):
    torch.manual_seed(0)
    predictor = build_predictor("multiclass", Cnn(widths=[4, 8]), InputShape("image", (3, 12, 10)), 2, 2).eval()
    x = RNG.random((3, 3, 12, 10)).astype(np.float32)
    background = RNG.random((5, 3, 12, 10)).astype(np.float32)
    found = attribute(method, ask(predictor, x, np.float32(0.5), outputs=np.array([0, 1, 1]), background=background))
    assert method != "deep_lift_shap" or found.error < 1e-3
    assert found.values.shape == x.shape
    assert np.abs(found.values).max() > 0
    assert method != "grad_cam" or found.values.min() >= 0


@pytest.mark.parametrize("method", METHODS["tokens"])
def test_padding_gets_nothing_and_tokens_add_up(ask, method):
    torch.manual_seed(0)
    shape = InputShape("tokens", (7,), vocabulary=9)
    predictor = build_predictor("regression", Cnn1d(widths=[8], embedding=6), shape, 1, 2).eval()
    x = np.array([[2, 3, 4, 5, 0, 0, 0], [6, 7, 8, 2, 3, 4, 5]])
    base = np.where(x == 0, 0, 1)
    found = attribute(method, ask(predictor, x, base, background=x))
    assert (found.values[x == 0] == 0).all()
    assert method != "integrated_gradients" or found.error < 0.05


def test_the_map_of_a_small_image_is_taken_where_it_still_has_places(ask):
    torch.manual_seed(0)
    predictor = build_predictor("binary", Cnn(widths=[4, 8, 8]), InputShape("image", (1, 8, 8)), 1, 1).eval()
    x = np.zeros((1, 1, 8, 8), np.float32)
    x[0, 0, 1:3, 1:3] = 1.0
    question = ask(predictor, x, np.float32(0))
    part = Part(
        question.explained, torch.from_numpy(x), torch.zeros(1, 1, 8, 8), torch.zeros(1, dtype=torch.int64), None
    )
    stages = predictor.members[0].encoder.stages
    assert fine_map(part, predictor.members[0]) is stages[1][2]
    large = Part(question.explained, torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 32, 32), part.outputs, None)
    assert fine_map(large, predictor.members[0]) is stages


def test_windows_of_a_linear_image_model_lose_what_lies_in_them(ask):
    torch.manual_seed(0)
    predictor = build_predictor("regression", Cnn(widths=[4]), InputShape("image", (1, 9, 7)), 1, 1).eval()
    x = np.zeros((1, 1, 9, 7), np.float32)
    x[0, 0, 4, 3] = 1.0
    found = attribute("occlusion", ask(predictor, x, np.float32(0))).values[0, 0]
    assert found[4, 3] != 0
    assert not found[:3].any()
    with torch.no_grad():
        lost = predictor(torch.from_numpy(x))[0] - predictor(torch.zeros(1, 1, 9, 7))[0]
    assert found[4, 3] == pytest.approx(lost.item(), rel=1e-3)


def test_a_network_without_convolutions_has_no_grad_cam(bent, ask):
    with pytest.raises(ScitrainError, match="needs convolutions"):
        attribute("grad_cam", ask(bent(), ROWS, np.zeros(4, np.float32)))


def test_a_method_that_does_not_fit_is_refused_with_those_that_do():
    with pytest.raises(
        ScitrainError,
        match=r"grad_cam.*vector inputs.*integrated_gradients, shap, deep_lift_shap, occlusion, permutation",
    ):
        choose_method("grad_cam", "vector", (4,))
    with pytest.raises(ScitrainError, match="do not mean the same"):
        choose_method("permutation", "image", (1, 8, 8))
    with pytest.raises(ScitrainError, match="element and amount"):
        choose_method("integrated_gradients", "tokens", (32,), pairs=True)
    assert choose_method("auto", "tokens", (32,), pairs=True)[0] == "shap"
    assert choose_method("auto", "image", (3, 224, 224))[0] == "occlusion"
    assert choose_method("auto", "tokens", (9,))[0] == "integrated_gradients"
