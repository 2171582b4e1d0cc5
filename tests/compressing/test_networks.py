"""What is done to a network: the same function where it is promised, fewer and smaller numbers where they are asked for."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from scitrain.compressing.groups import kept, narrowed
from scitrain.compressing.int8 import ends, quantise
from scitrain.compressing.lean import Lean, lean, without_dead_taps
from scitrain.compressing.narrow import narrow
from scitrain.compressing.sparsity import prune, rounded, schedule, zeros
from scitrain.compressing.widened import store_int8
from scitrain.contracts.model import InputShape
from scitrain.data.slots import Slot
from scitrain.errors import ScitrainError
from scitrain.exporters._onnx import export
from scitrain.inference.backends import onnx_compute
from scitrain.models import AnyModelSpec
from scitrain.training.heads import POINT
from scitrain.training.mixed_head import MixedHead
from scitrain.training.predictor import build_predictor

SHAPES = {
    "vector": InputShape("vector", (20,)),
    "tokens": InputShape("tokens", (12,), vocabulary=9),
    "series": InputShape("series", (2, 24)),
    "image": InputShape("image", (1, 8, 8)),
}
LAYERS = [
    {"kind": "embedding", "width": 16},
    {"kind": "conv1d", "width": 32, "kernel": 3},
    {"kind": "norm", "of": "batch"},
    {"kind": "rnn", "width": 16},
    {"kind": "residual", "layers": [{"kind": "linear", "width": 24}, {"kind": "linear", "width": 32}]},
    {"kind": "conv1d", "width": 12, "kernel": 3},
    {"kind": "flatten"},
    {"kind": "linear", "width": 20},
]
FAMILIES = {
    "mlp": ("vector", {"family": "mlp", "widths": [24, 16]}),
    "residual mlp": ("vector", {"family": "mlp", "widths": [24, 24], "residual": True}),
    "cnn": ("image", {"family": "cnn", "widths": [8, 16]}),
    "resnet": ("image", {"family": "resnet", "widths": [8, 8, 12, 12], "blocks": [1, 2, 1, 1]}),
    "timm": ("image", {"family": "timm", "name": "test_resnet"}),
    "lstm": ("tokens", {"family": "rnn", "hidden": 12, "embedding": 16}),
    "gru": ("series", {"family": "rnn", "hidden": 12, "embedding": 16, "cell": "gru", "layers": 1}),
    "cnn1d of a series": ("series", {"family": "cnn1d", "widths": [8, 16]}),
    "cnn1d of tokens": ("tokens", {"family": "cnn1d", "widths": [16, 16], "embedding": 16}),
    "transformer of tokens": ("tokens", {"family": "transformer", "width": 16, "depth": 1, "heads": 2}),
    "transformer of a series": ("series", {"family": "transformer", "width": 16, "depth": 1, "heads": 2}),
    "stack": ("tokens", {"family": "stack", "layers": LAYERS}),
}
NORMED = ("transformer of tokens", "transformer of a series")
"""Layer-norm over the stream: a unit that is gone changes the others' mean."""


MIXED = MixedHead((Slot("a", "regression", 0, 1), Slot("b", "binary", 1, 2), Slot("c", "multiclass", 2, 5)))


def network(name: str, task: str = "regression", outputs: int = 2, members: int = 1):
    kind, given = FAMILIES[name]
    spec = TypeAdapter(AnyModelSpec).validate_python(given)
    torch.manual_seed(3)
    predictor = build_predictor(task, spec, SHAPES[kind], outputs, members, MIXED if task == "mixed" else POINT)
    predictor.train()
    with torch.no_grad():
        predictor(torch.from_numpy(rows(kind, 64)))  # statistics that are not neutral
        predictor.scale.fill_(3.0)
        predictor.shift.fill_(-1.0)
        predictor.temperature.fill_(0.5)
    return predictor.eval(), spec, rows(kind, 16)


def rows(kind: str, n: int) -> np.ndarray:
    rng = np.random.default_rng(n)
    if kind == "tokens":
        return rng.integers(1, 9, (n, 12))
    return rng.normal(size=(n, *SHAPES[kind].shape)).astype(np.float32)


def said(predictor, x) -> list[np.ndarray]:
    with torch.no_grad():
        return [part.numpy() for part in predictor(torch.from_numpy(x))]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return the file that is quantised for each family, written once."""
    folder = tmp_path_factory.mktemp("plain")

    def of(name: str) -> Path:
        path = folder / f"{name.replace(' ', '_')}.onnx"
        if not path.is_file():
            predictor, _, x = network(name)
            export(lean(predictor)[0], x[:2], path)
        return path

    return of


@pytest.mark.parametrize("name", list(FAMILIES))
def test_int8_predicts_nearly_the_same_in_every_family(name, exported, tmp_path):
    predictor, _, x = network(name)
    plain, small = exported(name), tmp_path / "small.onnx"
    before = said(predictor, x)
    for a, b in zip(onnx_compute(plain)(x), before, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-3)
    spread = before[0].std()
    if name != "gru":  # onnxruntime has no kernel for it, and its two linear layers are all there is
        assert quantise(plain, small, None).operations
        assert np.abs(onnx_compute(small)(x)[0] - before[0]).max() < 0.3 * spread
    found = store_int8(plain, small)
    assert found.share > 0.5
    assert np.abs(onnx_compute(small)(x)[0] - before[0]).max() < 0.3 * spread


@pytest.mark.parametrize("name", ["mlp", "cnn", "cnn1d of a series", "transformer of tokens"])
def test_static_int8_takes_its_ranges_from_rows_and_spares_small_ends(name, exported, tmp_path):
    predictor, _, x = network(name)
    plain, small = exported(name), tmp_path / "small.onnx"
    spared, outer = ends(plain)
    assert outer
    assert set(spared) == set() or set(outer) <= set(spared)
    assert quantise(plain, small, np.concatenate([x] * 4), spared).operations
    assert np.abs(onnx_compute(small)(x)[0] - said(predictor, x)[0]).max() < 0.5 * said(predictor, x)[0].std()
    assert list(tmp_path.iterdir()) == [small], "no files on the way are left"


def test_static_int8_says_what_there_is_where_it_has_no_kernel(exported, tmp_path):
    plain, x = exported("gru"), network("gru")[2]
    names = [*ends(plain)[1]]
    with pytest.raises(ScitrainError, match=r"static int8 has nothing to work on here.*GRU.*take int8_weights"):
        quantise(plain, tmp_path / "small.onnx", x, names)


@pytest.mark.parametrize(
    ("task", "outputs"), [("regression", 2), ("binary", 1), ("multilabel", 3), ("multiclass", 3), ("mixed", 5)]
)
def test_the_lean_network_is_the_same_function(task, outputs):
    for name in ("cnn", "mlp"):
        predictor, _, x = network(name, task, outputs)
        short, dead = lean(predictor)
        assert isinstance(short, Lean)
        assert (dead > 0) is False
        for a, b in zip(said(short, x), said(predictor, x), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_taps_that_meet_padding_alone_have_no_part_in_a_prediction():
    spec = TypeAdapter(AnyModelSpec).validate_python({"family": "cnn", "widths": [4, 4, 4, 8]})
    predictor = build_predictor("regression", spec, SHAPES["image"], 1, 2).eval()
    short, dead = without_dead_taps(predictor)
    assert dead == 2 * 8 * 4 * 8, (
        "two members; the last kernel of 3 × 3 meets one pixel: eight of its nine taps are dead"
    )
    x = rows("image", 5)
    np.testing.assert_array_equal(said(short, x)[0], said(predictor, x)[0])
    assert predictor.members[0].encoder.stages[3][0].kernel_size == (3, 3), "the original is left alone"


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "timm"])
def test_narrow_layers_predict_the_same_where_only_dead_units_go(name):
    predictor, spec, x = network(name, members=2)
    _, groups = narrowed(spec, predictor.inner, 0.5)
    for member in predictor.members:
        tensors = member.state_dict()
        for group in groups:
            for place in group.places:
                if place.name in tensors and "running_var" not in place.name:
                    for block in range(place.blocks):
                        start = place.start + block * place.stride + group.keep * place.inner
                        gone = (group.size - group.keep) * place.inner
                        tensors[place.name].narrow(place.axis, start, gone).zero_()
    slim, smaller = narrow(predictor, spec, 0.5)
    counts = [sum(p.numel() for p in one.members.parameters()) for one in (slim, predictor)]
    assert counts[0] < 0.8 * counts[1]
    rebuilt = build_predictor("regression", smaller, predictor.inner, 2, 2)
    rebuilt.load_state_dict(slim.state_dict())
    if name not in NORMED:
        np.testing.assert_allclose(said(slim, x)[0], said(predictor, x)[0], atol=1e-5)
    assert np.isfinite(said(slim, x)[0]).all()


def test_a_family_without_a_rule_is_named_with_those_that_have_one():
    predictor, spec, _ = network("timm")
    with pytest.raises(ScitrainError, match=r"no rule for family 'timm'.*cnn, cnn1d, mlp.*structured=false"):
        narrow(predictor, spec, 0.5)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_as_many_weights_are_zero_as_were_asked_for_and_no_layer_is_empty(name):
    predictor, _, x = network(name, members=2)
    prune(predictor, 0.6)
    layers, whole = zeros(predictor)
    member = predictor.members[0]
    sizes = {n: member.get_parameter(n).numel() for n in layers}
    found = sum(layers[n] * sizes[n] for n in layers) / sum(sizes.values())
    assert found == pytest.approx(0.6, abs=0.01)
    assert all(share < 1 for share in layers.values())
    assert whole == pytest.approx(
        found * 2 * sum(sizes.values()) / sum(p.numel() for p in predictor.members.parameters())
    )
    assert np.isfinite(said(predictor, x)[0]).all()


def test_the_smallest_weight_of_a_layer_goes_first():
    predictor, _, _ = network("mlp")
    head = predictor.members[0].head.weight
    with torch.no_grad():
        head[0, 0] = 1e-9
    prune(predictor, 1 / sum(predictor.members[0].get_parameter(n).numel() for n in zeros(predictor)[0]))
    assert head[0, 0] == 0
    assert (head == 0).sum() == 1


def test_much_is_pruned_at_first_and_all_in_the_end():
    assert schedule(0.8, 1) == [0.8]
    assert schedule(0.8, 2) == pytest.approx([0.7, 0.8])
    assert kept(256, 0.5) == 184
    assert kept(10, 0.5) == 7
    assert kept(1, 0.01) == 1


@pytest.mark.parametrize(("kind", "error"), [("fp16", 2e-3), ("bf16", 2e-2)])
def test_half_precision_halves_the_file_and_hardly_changes_a_prediction(kind, error, tmp_path):
    predictor, _, x = network("mlp")
    before = said(predictor, x)[0]
    files = [tmp_path / "whole.onnx", tmp_path / "half.onnx"]
    export(predictor, x[:2], files[0])
    rounded(predictor, kind)
    export(predictor, x[:2], files[1])
    assert files[1].stat().st_size < files[0].stat().st_size
    found = onnx_compute(files[1])(x)[0]
    assert 0 < np.abs(found - before).max() < 3 * error * before.std() + error
    np.testing.assert_allclose(found, said(predictor, x)[0], atol=error)
