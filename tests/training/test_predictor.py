import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scitrain.contracts.model import InputShape
from scitrain.models.cnn import Cnn
from scitrain.models.mlp import Mlp
from scitrain.models.rnn import Rnn
from scitrain.training.predict import predict_array
from scitrain.training.predictor import build_predictor
from scitrain.training.transforms import learn_input
from scitrain.training.vector_input import column_statistics, learn_vector

TASKS = ["regression", "binary", "multilabel", "multiclass"]
SHAPE = InputShape("vector", (6,), blocks={"descriptors": (0, 4), "counts": (4, 6)})


def make(task, members=3, outputs=2):
    torch.manual_seed(1)
    return build_predictor(task, Mlp(widths=[8]), SHAPE, outputs, members).eval()


def test_a_vector_is_standardised_imputed_and_clipped():
    known = np.array([[1.0, 5.0], [3.0, 7.0], [np.nan, 6.0], [99.0, 7.0]], np.float32)
    transform, inner = learn_vector(InputShape("vector", (2,)), known, np.arange(3))
    rows = torch.tensor([[1.0, 6.0], [float("nan"), 6.0], [1e9, float("-inf")]])
    torch.testing.assert_close(transform(rows), torch.tensor([[-1.0, 0.0], [0.0, 0.0], [10.0, -10.0]]))
    assert inner.shape == (2,)


def test_columns_of_one_value_and_counts_of_fewer_than_three_training_rows_do_not_reach_the_network():
    x = np.array([[i, 5, i % 2, i > 2, i > 1] for i in range(5)], np.float32)
    shape = InputShape("vector", (5,), blocks={"others": (0, 2), "ring_counts": (2, 5)})
    transform, inner = learn_vector(shape, x, np.arange(5))
    assert transform.columns.tolist() == [0, 4]
    assert inner == InputShape("vector", (2,), blocks={"others": (0, 1), "ring_counts": (1, 2)})
    assert transform(torch.tensor([[2.0, 1, 1, 1, 7]])).tolist() == [[0, 7]]


def test_where_no_column_tells_anything_all_are_kept():
    _, inner = learn_vector(InputShape("vector", (3,)), np.ones((4, 3), np.float32), np.arange(4))
    assert inner.shape == (3,)


def test_a_descriptor_is_read_as_its_logarithm_and_in_the_pieces_between_its_quantiles():
    x = np.stack([np.arange(9.0), np.repeat([0.0, 1.0], [8, 1])], axis=1).astype(np.float32)
    transform, inner = learn_vector(InputShape("vector", (2,), blocks={"descriptors": (0, 2)}), x, np.arange(9))
    assert inner == InputShape("vector", (11,), blocks={"descriptors": (0, 2), "pieces": (2, 11)})
    found = transform(torch.tensor([[2.5, 0.0], [float("nan"), 1.0], [-3.0, 2.0]]))
    logs = np.log1p(np.arange(9.0))
    assert found[0, 0] == pytest.approx((np.log(3.5) - logs.mean()) / logs.std(), rel=1e-5)
    assert found[:, 2:].tolist() == [
        [1, 1, 0.5, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0, 0, 1],  # a missing value is the median, 4
        [0, 0, 0, 0, 0, 0, 0, 0, 1],
    ]


def test_statistics_come_from_the_chosen_rows_alone_and_skip_what_is_not_finite():
    x = np.array([[1.0, np.nan], [3.0, np.inf], [100.0, 1.0]])
    mean, std = column_statistics(x, np.array([0, 1]), np.arange(2), np.zeros(2, dtype=bool))
    np.testing.assert_allclose(mean, [2.0, 0.0])
    np.testing.assert_allclose(std, [1.0, 0.0])


def test_channels_of_images_are_standardised_or_take_the_statistics_of_pretrained_weights():
    shape = InputShape("image", (2, 2, 2))
    x = np.stack([np.stack([np.full((2, 2), i), np.full((2, 2), 5.0 * i)]) for i in (0.0, 1.0)]).astype(np.float32)
    transform, inner = learn_input(shape, x, np.arange(2))
    assert inner == shape
    assert transform(torch.from_numpy(x)).mean((0, 2, 3)).tolist() == pytest.approx([0, 0], abs=1e-6)
    assert transform(torch.from_numpy(x)).std((0, 2, 3), correction=0).tolist() == pytest.approx([1, 1])
    transform.fix(np.array([0.5, 0.5]), np.array([0.25, 0.5]))
    assert transform(torch.ones(1, 2, 1, 1)).flatten().tolist() == [2.0, 1.0]


def test_a_regression_speaks_in_the_unit_of_the_target():
    predictor = make("regression", members=2, outputs=1)
    predictor.shift.fill_(100.0)
    predictor.scale.fill_(10.0)
    for k, member in enumerate(predictor.members):
        torch.nn.init.zeros_(member.head.weight)
        torch.nn.init.constant_(member.head.bias, float(k))
    prediction, spread, representation = predictor(torch.zeros(3, 6))
    assert prediction.flatten().tolist() == [105.0] * 3
    assert spread.flatten().tolist() == pytest.approx([50**0.5] * 3)
    assert representation.shape == (3, 16)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("members", [1, 3])
def test_outputs_have_the_promised_shapes(task, members):
    prediction, spread, representation = make(task, members)(torch.rand(5, 6))
    assert prediction.shape == spread.shape == (5, 2)
    assert representation.shape == (5, 8 * members)
    assert (spread == 0).all() == (members == 1)


@pytest.mark.parametrize("members", [1, 4])
def test_probabilities_are_the_mean_over_members(members):
    rows = torch.randn(7, 6)
    for task, function in (("binary", torch.sigmoid), ("multiclass", lambda z: z.softmax(2))):
        predictor = make(task, members)
        expected = function(predictor.run_members(rows)[0]).mean(0)
        torch.testing.assert_close(predictor(rows)[0], expected)


@given(st.lists(st.floats(0.2, 5), min_size=2, max_size=2))
@settings(max_examples=10, deadline=None)
def test_a_temperature_divides_the_logits(values):
    rows = torch.randn(4, 6)
    predictor = make("multilabel")
    predictor.set_temperature(values)
    torch.testing.assert_close(predictor(rows)[0], torch.sigmoid(predictor.logits(rows) / torch.tensor(values)))
    many = make("multiclass")
    many.set_temperature(values[:1])
    torch.testing.assert_close(many(rows)[0], (many.logits(rows) / values[0]).softmax(1))


def test_extreme_logits_stay_finite():
    predictor = make("binary", 2)
    for member in predictor.members:
        torch.nn.init.constant_(member.head.bias, 80.0)
    assert torch.isfinite(predictor.logits(torch.zeros(1, 6))).all()


@pytest.mark.parametrize("task", TASKS)
def test_it_exports_with_a_dynamic_batch(task):
    predictor = make(task)
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(predictor, (torch.rand(2, 6),), dynamic_shapes=({0: batch},))
    rows = torch.rand(5, 6)
    rows[1, 2] = float("nan")
    for ours, theirs in zip(predictor(rows), program.module()(rows), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.filterwarnings(
    "ignore:The tensor attribute:UserWarning"
)  # torch.export's, of nn.LSTM's own cache of its weights
@pytest.mark.parametrize(
    ("model", "shape", "example"),
    [
        (Cnn(widths=[4, 4]), InputShape("image", (1, 8, 8)), torch.rand(2, 1, 8, 8)),
        (
            Rnn(hidden=4),
            InputShape("tokens", (6,), vocabulary=5),
            torch.tensor([[1, 2, 3, 0, 0, 0], [4, 3, 2, 1, 2, 0]]),
        ),
    ],
)
def test_other_networks_export_too(model, shape, example):
    predictor = build_predictor("regression", model, shape, 1, 1).eval()
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(predictor, (example,), dynamic_shapes=({0: batch},))
    rows = torch.cat([example, example, example[:1]])
    torch.testing.assert_close(program.module()(rows)[0], predictor(rows)[0])


def test_an_array_is_predicted_in_batches_as_at_once():
    predictor, x = make("regression").train(), np.random.default_rng(0).random((10, 6), np.float32)
    parts, whole = predict_array(predictor, x, batch_size=3), predict_array(predictor, x, batch_size=100)
    np.testing.assert_allclose(parts.prediction, whole.prediction, rtol=1e-5)
    np.testing.assert_allclose(parts.representation, whole.representation, rtol=1e-5, atol=1e-6)
    assert predictor.training
    assert predict_array(predictor, x[:0]).prediction.shape == (0, 2)
