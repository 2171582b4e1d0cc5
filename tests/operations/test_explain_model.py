"""explain_model as a request, on a small table, molecules and images."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

import scitrain
from scitrain.errors import DataError, RunStateError, ScitrainError, UnknownNameError
from scitrain.runs import Run

SMALL = {"ensemble": 2, "export": []}
MORE = {
    "formula": {"figures/elements.png", "figures/explanations.html"},
    "sequence": {"figures/explanations.html"},
    "text": {"figures/explanations.html"},
}
MLP = {"family": "mlp", "widths": [16]}


def train(workspace, content, **request):
    (workspace.root / "data.csv").write_text(content, encoding="utf-8")
    done = scitrain.TrainModel(data="data.csv", **(SMALL | request)).run(workspace=workspace)
    return Run.open(done.run_id, workspace)


@pytest.fixture
def table(workspace):
    rng = np.random.default_rng(2)
    rows = [f"{a:.4f},{b:.4f},7,{3 * a - b:.4f}" for a, b in rng.normal(size=(120, 2))]
    return train(
        workspace, "\n".join(["a,b,constant,y", *rows]), target="y", unit="eV", epochs=30, model=MLP, inputs=["a", "b"]
    )


def explain(source, **request):
    return scitrain.ExplainModel(run=source.id, **request).run(workspace=source.workspace)


def test_it_says_what_matters_and_why_each_row_is_what_it_is(table):
    found = explain(table, rows=3, show="worst")
    run = Run.open(found.run_id, table.workspace)
    assert [one.feature for one in found.importance] == ["a", "b"]
    assert all(one.low < one.value < one.high for one in found.importance)
    assert found.method == "integrated_gradients"
    assert found.completeness < 0.01
    assert {"results/explanations.csv", "results/importance.json"} <= set(found.files)
    for name in ("importance", "explanations"):
        assert run.file(f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")
    with run.file("results/explanations.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["feature"] for row in rows} == {"a", "b"}
    assert len({row["row"] for row in rows}) == 3
    told = run.read_json("results/importance.json")
    assert told["completeness"]["relative_error"] == found.completeness
    assert told["unit"] == "eV"
    assert "attributions add up" in found.summary()
    assert [choice.what for choice in run.record().decisions if choice.why == found.why] == ["method"]
    assert run.record().parents == [table.id]
    json.dumps(found.model_dump(mode="json"), allow_nan=False)


@pytest.mark.parametrize("method", ["shap", "occlusion", "permutation"])
def test_every_method_finds_the_same_order(table, method):
    found = explain(table, method=method, rows=2, show="uncertain")
    assert [one.feature for one in found.importance] == ["a", "b"]
    assert (found.explained == []) == (method == "permutation")


def test_a_bad_input_costs_itself_alone(table):
    found = explain(table, inputs=[{"a": 1, "b": 2}, {"a": "many", "b": 2}, {"a": 0, "b": -1}])
    assert list(found.errors) == [2]
    assert "many" in found.errors[2]
    assert len(found.explained) == 2
    with pytest.raises(DataError, match="none of the 1 inputs can be read"):
        explain(table, inputs=[{"a": "many", "b": 2}])


@pytest.mark.parametrize(
    ("request_", "error", "said"),
    [
        ({"method": "grad_cam"}, ScitrainError, "does not explain a model that reads vector inputs"),
        ({"inputs": [{"a": 1, "c": 2}]}, DataError, "the model does not read c"),
        ({"inputs": ["CCO"]}, DataError, "give each row as an object with a, b"),
        ({"target": "z"}, UnknownNameError, "no target named 'z'"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_run_is_made(table, request_, error, said):
    before = len(list((table.workspace.root / "runs").iterdir()))
    with pytest.raises(error, match=said):
        explain(table, **request_)
    assert len(list((table.workspace.root / "runs").iterdir())) == before


def test_a_run_without_a_model_and_shuffled_single_rows_are_refused(workspace):
    empty = Run.create("predict", {}, workspace)
    with pytest.raises(RunStateError, match=r"no models/config.json"):
        scitrain.ExplainModel(run=empty.id).check(workspace)
    with pytest.raises(ValidationError, match="permutation tells nothing of single inputs"):
        scitrain.ExplainModel(run="x", method="permutation", inputs=["C"])


def test_atoms_of_molecules_are_coloured_and_descriptors_stand_apart(workspace):
    smiles = [f"{'C' * i}{end}" for i in range(1, 13) for end in ("O", "N", "Cl", "(=O)O")]
    rows = [f"{text},{i % 7}.5" for i, text in enumerate(smiles)]
    source = train(workspace, "\n".join(["smiles,y", *rows]), target="y", epochs=2, model=MLP, split="random")
    found = explain(source, inputs=["OCC", "CCO", "C1CC"])
    run = Run.open(found.run_id, workspace)
    assert list(found.errors) == [3]
    assert "<svg" in run.file("figures/explanations.svg").read_text(encoding="utf-8")
    with run.file("results/explanations.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    atoms = [
        {r["feature"]: r["attribution"] for r in rows if r["row"] == n and r["feature"].startswith("atom")}
        for n in "12"
    ]
    assert atoms[0] == atoms[1]
    assert set(atoms[0]) == {"atom 1 C", "atom 2 C", "atom 3 O"}
    assert {"exactmw", "without atom 3 O"} <= {r["feature"] for r in rows}


def test_images_get_maps_for_the_class_that_was_asked(workspace):
    rng = np.random.default_rng(0)
    for label, side in (("left", slice(0, 4)), ("right", slice(4, 8))):
        (workspace.root / "pictures" / label).mkdir(parents=True)
        for i in range(20):
            picture = rng.integers(0, 60, (8, 8), dtype=np.uint8)
            picture[:, side] += 150
            Image.fromarray(picture).save(workspace.root / "pictures" / label / f"{i}.png")
    done = scitrain.TrainModel(data="pictures", epochs=3, model={"family": "cnn", "widths": [4, 8]}, **SMALL).run(
        workspace
    )
    for method in ("auto", "occlusion", "grad_cam"):
        found = explain(Run.open(done.run_id, workspace), method=method, rows=2)
        assert found.files.count("figures/explanations.png") == 1
        assert (found.completeness is None) == (method != "auto")


@pytest.mark.parametrize("model", [MLP, {"family": "cnn1d", "widths": [8]}], ids=["vector", "series"])
def test_spectra_are_told_by_wavelength(workspace, model):
    rng = np.random.default_rng(1)
    spectra = rng.normal(size=(60, 12)).cumsum(axis=1)
    head = ",".join(f"{850 + 2 * i}.0" for i in range(12))
    lines = [",".join(f"{v:.4f}" for v in row) + f",{row[5]:.4f}" for row in spectra]
    source = train(workspace, "\n".join([f"{head},fat", *lines]), target="fat", epochs=2, model=model)
    found = explain(source, rows=2)
    assert {one.feature for one in found.importance} <= {f"{850 + 2 * i}.0" for i in range(12)}


@pytest.mark.parametrize(
    ("modality", "column", "cells"),
    [
        ("smiles", "smiles", [f"{'C' * (i % 9 + 1)}{end}" for i in range(9) for end in ("O", "N", "Cl", "F")]),
        (
            "formula",
            "formula",
            [f"{a}{i}O{j}" for a in ("Fe", "Ti", "Al", "Mg", "Na") for i in (1, 2, 3) for j in (1, 2)],
        ),
        ("sequence", "seq", [f"ACDEFGHIKLM{a}NPQ{b}" for a in "ACDEFG" for b in "HIKLMN"]),
        ("text", "text", [f"a {word} film number {i}" for i in range(20) for word in ("lovely", "boring")]),
    ],
)
def test_tokens_are_told_by_name(workspace, modality, column, cells):
    lines = [f"{cell},{i % 5}.5" for i, cell in enumerate(cells)]
    asked = {"modality": modality, "inputs": column, "split": "random", "epochs": 1, "task": "regression"}
    model = {"family": "cnn1d", "widths": [8], "embedding": 4}
    source = train(workspace, "\n".join([f"{column},y", *lines]), target="y", model=model, **asked)
    for method in ("auto", "occlusion"):
        found = explain(source, rows=2, method=method)
        assert found.importance
        assert {"figures/explanations.png"} | MORE.get(modality, set()) <= set(found.files)
