"""profile_model as a request: numbers, the trace, the named bottlenecks, the pictures."""

import gzip
import json

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

import scitrain
from scitrain.errors import RunStateError, ScitrainError
from scitrain.runs import Run
from scitrain.workspace import Workspace

QUICK = {"seconds": 0.01, "largest_batch": 5, "device": "cpu"}
MLP = {"family": "mlp", "widths": [8]}
TRANSFORMER = {"family": "transformer", "width": 8, "depth": 1, "heads": 2}
RNN = {"family": "rnn", "hidden": 4, "embedding": 4}


def train(workspace, data, content=None, **request):
    if content is not None:
        (workspace.root / data).write_text("\n".join(content), encoding="utf-8")
    asked = {"ensemble": 2, "epochs": 1, "export": [], "split": "random", "model": MLP} | request
    done = scitrain.TrainModel(data=data, **asked).run(workspace=workspace)
    return Run.open(done.run_id, workspace)


def profiled(source, **request):
    found = scitrain.ProfileModel(run=source.id, **(QUICK | request)).run(workspace=source.workspace)
    return found, Run.open(found.run_id, source.workspace)


@pytest.fixture(scope="module")
def molecules(tmp_path_factory):
    """A trained run that no test changes."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    smiles = [f"{'C' * i}{end}" for i in range(1, 13) for end in ("O", "N", "Cl", "(=O)O")]
    return train(
        workspace,
        "data.csv",
        ["smiles,y", *(f"{s},{i % 7}.5" for i, s in enumerate(smiles))],
        target="y",
        export=["onnx"],
    )


def test_it_measures_predictions_by_backend_and_batch_and_a_training_step(molecules):
    found, run = profiled(molecules)
    assert [(one.what, one.rows) for one in found.measured] == [
        *((backend, rows) for backend in ("torch", "onnx") for rows in (1, 4, 5)), ("training step", 38),
    ]  # fmt: skip
    for one in found.measured:
        assert 0 < one.p50_ms <= one.p90_ms <= one.p99_ms
        assert one.rows_per_s > 0
        assert one.memory_mb >= 0
        assert one.gpu_memory_mb is None
    layers = molecules.read_json("results/architecture.json")
    assert found.parameters == 2 * layers["parameters"]
    assert found.flops_a_row == 2 * layers["flops"]
    told = run.read_json("results/profile.json")
    assert told["flops_a_row"] == found.flops_a_row
    assert told["machine"]["device"] == "cpu"
    assert told["machine"]["processor"]
    step = told["training"]["step"]
    assert {"data", "forward", "backward", "optimiser", "other"} <= set(step["parts_ms"])
    for backend in ("torch", "onnx"):
        for point in told["predictions"][backend]:
            parts = point["parts_ms"]
            assert {"features", "network", "judging"} <= set(parts)
            assert sum(parts.values()) == pytest.approx(1000 * point["rows"] / point["rows_per_s"], rel=1e-2)
            assert point["gflop_per_s"] > 0
    assert run.record().parents == [molecules.id]
    json.dumps(found.model_dump(mode="json"), allow_nan=False)


def test_features_are_named_where_they_take_the_time_of_many_molecules(molecules):
    found, run = profiled(molecules, largest_batch=30)
    one, many, step = found.bottlenecks
    assert one.startswith("one row: ")
    assert many.startswith("many rows: data takes ")
    assert "turning raw rows into numbers takes" in many
    assert step.startswith("training step: ")
    assert found.summary().splitlines()[0] == one
    shares = run.read_json("results/profile.json")["shares_ms"]
    assert list(shares) == ["predict 1 row", "predict 30 rows", f"training step of {found.measured[-1].rows} rows"]
    for name in ("latency", "time_shares"):
        assert run.file(f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_trace_is_one_that_perfetto_reads_and_shows_every_part(molecules):
    found, run = profiled(molecules)
    content = gzip.decompress(run.file("results/trace.json.gz").read_bytes())
    trace = json.loads(content)
    spans = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert all({"name", "ts", "dur", "pid", "tid"} <= set(event) for event in spans)
    assert all(event["dur"] >= 0 for event in spans)
    names = {event["name"].removeprefix("scitrain: ") for event in spans}
    assert {"prediction", "features", "network", "judging"} <= names
    assert {"training step", "data", "forward", "backward", "optimiser"} <= names
    assert any(event["name"].startswith("aten::") for event in spans)
    assert str(run.workspace.root) not in content.decode()
    assert "host_name" not in trace
    table = run.file("results/profile_table.txt").read_text(encoding="utf-8")
    assert "Self CPU" in table
    assert "aten::" in table
    assert not run.path.joinpath("results/.trace.json").exists()
    assert all(" " in operator for operator in found.operators)


@pytest.mark.parametrize(("load", "warned"), [(20.0, True), (0.0, False)])
def test_a_busy_machine_is_told_beside_the_numbers(molecules, monkeypatch, load, warned):
    monkeypatch.setattr("os.getloadavg", lambda: (load, load, load))
    found, run = profiled(molecules, largest_batch=1)
    assert (
        any(line.startswith("note: the machine was busy (load 20 on ") for line in found.summary().splitlines())
        == warned
    )
    assert run.read_json("results/profile.json")["machine"]["load_before"] == load


def test_the_trained_run_is_left_as_it_was(molecules):
    before = {path: path.read_bytes() for path in molecules.path.rglob("*") if path.is_file()}
    profiled(molecules)
    assert {path: path.read_bytes() for path in molecules.path.rglob("*") if path.is_file()} == before


def test_images_varied_while_training_and_members_in_turn_are_profiled(workspace):
    rng = np.random.default_rng(0)
    for label in ("left", "right"):
        (workspace.root / "pictures" / label).mkdir(parents=True)
        for i in range(12):
            Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(
                workspace.root / "pictures" / label / f"{i}.png"
            )
    model = {"family": "cnn", "widths": [4, 4]}
    source = train(
        workspace, "pictures", model=model, split="stratified", augment=["flip"], gradient_checkpointing=True
    )
    found, run = profiled(source)
    assert {one.what for one in found.measured} == {"torch", "training step"}
    assert run.read_json("results/profile.json")["training"]["augment"] == ["flip"]


@pytest.mark.parametrize(
    ("modality", "column", "cells", "model"),
    [
        ("text", "text", [f"a {word} film number {i}" for i in range(12) for word in ("lovely", "boring")], TRANSFORMER),
        ("sequence", "seq", [f"ACDEFGHIKLM{a}NPQ{b}" for a in "ACDEF" for b in "HIKLM"], RNN),
    ],
)  # fmt: skip
def test_every_kind_of_rows_is_profiled(workspace, modality, column, cells, model):
    lines = [f"{column},y", *(f"{cell},{i % 5}.5" for i, cell in enumerate(cells))]
    source = train(
        workspace, "data.csv", lines, target="y", modality=modality, inputs=column, task="regression", model=model
    )
    found, _ = profiled(source, largest_batch=1)
    assert [line.split(":")[0] for line in found.bottlenecks] == ["one row", "training step"]


def test_rows_that_do_not_fit_the_memory_are_timed_as_they_are_read(molecules, monkeypatch):
    monkeypatch.setattr("scitrain.training.feeding.RESIDENT_SHARE", 0.0)
    _, run = profiled(molecules)
    told = run.read_json("results/profile.json")["training"]
    assert told["resident"] is False
    assert told["step"]["parts_ms"]["data"] > 0


@pytest.mark.parametrize("wrong", [{"largest_batch": 0}, {"seconds": 0}, {"seconds": -1}, {"device": "abacus"}])
def test_nonsense_is_refused_as_it_is_asked(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        scitrain.ProfileModel(run="x", **wrong)


def test_a_run_without_a_model_and_a_device_that_is_not_there_are_refused(molecules, monkeypatch):
    empty = Run.create("predict", {}, molecules.workspace)
    with pytest.raises(RunStateError, match=r"no models/config.json"):
        scitrain.ProfileModel(run=empty.id).check(molecules.workspace)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ScitrainError, match="'cuda' was asked for, but torch finds only"):
        profiled(molecules, device="cuda")


def test_data_that_are_gone_are_named(molecules):
    data = molecules.workspace.root / "data.csv"
    away = data.rename(data.with_name("elsewhere.csv"))
    try:
        with pytest.raises(ScitrainError, match=r"data\.csv"):
            profiled(molecules)
    finally:
        away.rename(data)
