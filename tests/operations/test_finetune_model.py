import csv
import importlib.util
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from scitrain.errors import DataError, RunNotFoundError, ScitrainError
from scitrain.inference import load_model
from scitrain.operations.explain_model import ExplainModel
from scitrain.operations.finetune_model import FinetuneModel
from scitrain.operations.predict import Predict
from scitrain.operations.train_model import TrainModel
from scitrain.runs import Run
from scitrain.transfer.writing import FIGURE, HISTORY, MODEL, TRANSFER


@pytest.fixture(scope="session")
def small():
    """Return the factory of small pretrained models."""
    path = Path(__file__).parents[1] / "pretrained.py"
    if "pretrained" not in sys.modules:
        spec = importlib.util.spec_from_file_location("pretrained", path)
        sys.modules["pretrained"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["pretrained"])
    return sys.modules["pretrained"]


@pytest.fixture(scope="session")
def tiny_bert(small, tmp_path_factory):
    return str(small.bert(tmp_path_factory.mktemp("hub") / "tiny-bert"))


def write(path, names, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])
    return str(path)


@pytest.fixture
def texts(workspace, small):
    return write(workspace.root / "texts.csv", ["text", "metal"], zip(*small.sentences(120), strict=True))


def finetune(workspace, **arguments):
    given = {
        "target": "metal",
        "inputs": "text",
        "epochs": 2,
        "export": [],
        "device": "cpu",
        "batch_size": 32,
        **arguments,
    }
    return FinetuneModel(**given).run(workspace)


def test_a_fine_tuned_model_is_a_run_like_any_other_and_says_where_it_comes_from(workspace, texts, tiny_bert):
    done = finetune(workspace, data=texts, source=tiny_bert, strategy="lora", rank=1, export=["onnx"])
    run = Run.open(done.run_id, workspace)
    told = run.read_json(TRANSFER)
    assert told["licence"] == "apache-2.0"
    assert told["strategy"] == "lora"
    assert told["trainable"] < told["total"]
    assert {HISTORY, MODEL, TRANSFER, "models/model.onnx", "MODEL_CARD.md", "results/dl_training_log.json"} <= set(
        done.files
    )
    card = (run.path / "MODEL_CARD.md").read_text()
    assert "apache-2.0" in card
    assert tiny_bert in card
    saved = torch.load(run.path / MODEL, weights_only=True)
    assert json.loads(saved["config"])["model"]["family"] == "pretrained"
    model = load_model(run, "torch")
    assert not any("lora" in name for name in saved["state_dict"])
    said = Predict(run=run.id, inputs=["the gold in dry air and salt water does not rust in the cold sea wind"]).run(
        workspace
    )
    assert said.rows == 1
    assert model.config.modality == "text"


def test_a_fine_tuned_model_is_explained_by_its_own_words(workspace, texts, tiny_bert):
    done = finetune(workspace, data=texts, source=tiny_bert, strategy="full", epochs=1)
    why = Run.open(ExplainModel(run=done.run_id, inputs=["The gold in salt water"]).run(workspace).run_id, workspace)
    with (why.path / "results/explanations.csv").open() as file:
        assert {row["feature"] for row in csv.DictReader(file)} == {"1 The", "2 gold", "3 in", "4 salt", "5 water"}
    told = why.read_json("results/importance.json")
    assert told["baseline"] == "[MASK] at every place"
    assert told["completeness"]["relative_error"] < 0.02


def test_what_learning_a_prompt_gains_is_told_beside_the_same_one_left_as_it_begins(workspace, texts, tiny_bert):
    done = finetune(workspace, data=texts, source=tiny_bert, compare=["prompt", "fixed_prompt"], units=2, epochs=1)
    rows = {row["arm"]: row for row in Run.open(done.run_id, workspace).read_json(TRANSFER)["compared"]["rows"]}
    assert rows["fixed_prompt"]["trainable"] < rows["prompt"]["trainable"]
    assert rows["fixed_prompt"]["total"] == rows["prompt"]["total"]
    assert "Learning the prompt" in done.transfer or "Whether learning the prompt" in done.transfer
    said = Predict(run=done.run_id, inputs=["the gold in dry air does not rust"]).run(workspace)
    assert said.predictions


def test_strategies_are_compared_on_one_split_and_the_best_on_validation_is_kept(workspace, texts, tiny_bert):
    done = finetune(workspace, data=texts, source=tiny_bert, compare=["scratch", "feature"], epochs=1)
    run = Run.open(done.run_id, workspace)
    compared = run.read_json(TRANSFER)["compared"]
    assert {row["arm"] for row in compared["rows"]} == {"scratch", "feature"}
    best = max(compared["rows"], key=lambda row: row["validation"])
    assert compared["chosen"] == best["arm"]
    assert {point["labels"] for point in compared["curve"]} == {24, 48, 96}
    assert compared["sentence"] == done.transfer
    assert compared["outcome"] in {"helps", "does_not_help", "cannot_tell"}
    assert (run.path / FIGURE).is_file()
    with (run.path / HISTORY).open() as file:
        assert {row["strategy"] for row in csv.DictReader(file)} == {"scratch", "feature"}


def test_the_encoder_of_a_run_is_taken_with_its_features_and_the_shift_is_measured(workspace):
    rng = np.random.default_rng(0)
    rows = [[f"{v:.4f}" for v in (*x, x[0] - x[1])] for x in rng.normal(size=(120, 3))]
    near = write(workspace.root / "near.csv", ["a", "b", "c", "y"], rows)
    far = write(
        workspace.root / "far.csv",
        ["a", "b", "c", "y"],
        [[*(f"{float(v) + 9:.4f}" for v in r[:3]), r[3]] for r in rows],
    )
    options = {"target": "y", "unit": "", "epochs": 2, "export": [], "device": "cpu", "ensemble": 1, "split": "random"}
    source = TrainModel(data=near, model={"family": "mlp", "widths": [8, 8]}, **options).run(workspace)
    done = FinetuneModel(data=far, source=source.run_id, strategy="full", **options).run(workspace)
    told = Run.open(done.run_id, workspace).read_json(TRANSFER)
    assert told["domain_auc"] > 0.9
    assert any(warning.startswith("Domain shift") for warning in done.warnings)
    record = Run.open(done.run_id, workspace).record()
    assert record.parents == [source.run_id]
    again = FinetuneModel(data=near, source=source.run_id, strategy="feature", **options).run(workspace)
    weights = [load_model(Run.open(one.run_id, workspace), "torch") for one in (source, again)]
    assert weights[0].config.featuriser == weights[1].config.featuriser
    assert Run.open(again.run_id, workspace).read_json(TRANSFER)["domain_auc"] < 0.7


def test_a_run_of_another_modality_is_refused(workspace, texts, tiny_bert):
    rows = [[f"{i * 0.37:.2f}", f"{i * i * 0.011:.3f}", f"{i * 2.5:.1f}"] for i in range(60)]
    table = write(workspace.root / "t.csv", ["a", "b", "y"], rows)
    source = TrainModel(data=table, target="y", unit="", epochs=1, export=[], ensemble=1, model="mlp").run(workspace)
    with pytest.raises(ScitrainError, match="was trained on tabular data and these are text"):
        finetune(workspace, data=texts, source=source.run_id)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("train_model-20260101T120000-0a1b2c3d", "no run named"),
        ("nowhere/model.safetensors", "no file or folder"),
        ("builtin", "say of which network"),
    ],
)
def test_weights_that_are_not_there_are_refused(workspace, texts, source, said):
    with pytest.raises((ScitrainError, RunNotFoundError), match=said):
        finetune(workspace, data=texts, source=source)


def test_what_is_wrong_with_a_file_is_told_before_whose_weights_it_holds(workspace, texts):
    (workspace.root / "code.pt").write_bytes(pickle.dumps(print))
    (workspace.root / "torn.safetensors").write_bytes(b"torn")
    with pytest.raises(ScitrainError, match="a pickle can run any code"):
        finetune(workspace, data=texts, source="code.pt")
    with pytest.raises(ScitrainError, match="no whole safetensors file"):
        finetune(workspace, data=texts, source="torn.safetensors")


def test_several_processes_are_refused_before_there_is_a_run(workspace, texts, tiny_bert):
    with pytest.raises(ScitrainError, match="one process"):
        finetune(workspace, data=texts, source=tiny_bert, devices=2)
    assert not workspace.runs.exists()


@pytest.mark.parametrize("strategy", ["feature", "lora"])
def test_a_refit_learns_from_the_validation_rows_too_and_calibrates_by_the_network_before(
    workspace, texts, tiny_bert, strategy
):
    asked = {"data": texts, "source": tiny_bert, "strategy": strategy, "rank": 1}
    runs = [Run.open(finetune(workspace, **asked, refit=again).run_id, workspace) for again in (False, True)]
    plain, refitted = (load_model(run, "torch") for run in runs)
    split = runs[1].read_json("results/data.json")["split"]
    assert next(d.value for d in runs[1].record().decisions if d.what == "refit") == split["train"] + split["val"]
    assert plain.config.conformal == refitted.config.conformal, (
        "the validation rows calibrate the network that has not seen them"
    )
    models = [torch.load(run.path / MODEL, weights_only=True)["state_dict"] for run in runs]
    assert models[0]["temperature"] == models[1]["temperature"]
    assert not torch.equal(models[0]["members.0.head.weight"], models[1]["members.0.head.weight"])


def test_rows_without_labels_are_learned_from_and_those_of_the_data_are_left_out(workspace, texts, tiny_bert, small):
    cells = [*small.sentences(150)[0], "  "]
    more = write(workspace.root / "more.csv", ["text", "note"], [[cell, "?"] for cell in cells])
    asked = {"data": texts, "source": tiny_bert, "strategy": "full"}
    plain, taught = (
        Run.open(finetune(workspace, **asked, **extra).run_id, workspace) for extra in ({}, {"unlabelled": more})
    )
    said = {decision.what: decision for decision in taught.record().decisions}
    assert (said["unlabelled rows"].value, "120 among the rows with labels" in said["unlabelled rows"].why) == (
        30,
        True,
    )
    assert "validation" in said["self_training"].why
    heads = [
        torch.load(run.path / MODEL, weights_only=True)["state_dict"]["members.0.head.weight"]
        for run in (plain, taught)
    ]
    assert torch.equal(*heads) != said["self_training"].value, "the second network, or the first where that is better"
    assert not (taught.path / "checkpoints" / "arms").exists()
    log = taught.read_json("results/dl_training_log.json")
    assert len(log["epochs"]) == 2


def test_a_self_training_that_goes_on_repeats_what_it_would_have_been(workspace, texts, tiny_bert, small, monkeypatch):
    from scitrain.workflow import transferred

    more = write(workspace.root / "more.csv", ["text"], [[cell] for cell in small.sentences(150)[0]])
    asked = {"data": texts, "source": tiny_bert, "strategy": "full", "unlabelled": more}
    whole = Run.open(finetune(workspace, **asked).run_id, workspace)

    def stopped(*of):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(transferred, "taught_study", stopped)
        with pytest.raises(KeyboardInterrupt):
            finetune(workspace, **asked)
    [broken] = [
        run for run in (Run.open(path.name, workspace) for path in workspace.runs.iterdir()) if run.id != whole.id
    ]
    assert len(list((broken.path / "checkpoints" / "arms").iterdir())) == 1, "the first network is kept"
    broken.claim()
    FinetuneModel.model_validate(broken.record().spec).execute(broken)
    weights = [torch.load(run.path / MODEL, weights_only=True)["state_dict"] for run in (whole, broken)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"compare": ["full"]}, "leave out compare, single_tasks and strategy='feature'"),
        ({"strategy": "feature"}, "leave out compare, single_tasks and strategy='feature'"),
    ],
)
def test_what_self_training_does_not_go_with_is_said_before_there_is_a_run(workspace, texts, tiny_bert, extra, said):
    with pytest.raises(ValueError, match=said):
        finetune(workspace, data=texts, source=tiny_bert, unlabelled=texts, **extra)
    with pytest.raises(ScitrainError, match="no file or folder"):
        finetune(workspace, data=texts, source=tiny_bert, unlabelled="nowhere.csv")
    with pytest.raises(DataError, match="no row that is new and can be read"):
        finetune(workspace, data=texts, source=tiny_bert, unlabelled=texts, strategy="full")


def test_classes_that_no_training_row_shows_are_named(workspace, small, tiny_bert):
    cells, labels = small.sentences(60)
    parts = ["train"] * 40 + ["val"] * 10 + ["test"] * 10
    labels = [*labels[:50], *["copper"] * 10]
    data = write(workspace.root / "t.csv", ["text", "metal", "part"], zip(cells, labels, parts, strict=True))
    with pytest.raises(DataError, match="labels unseen in training: 'copper'"):
        finetune(workspace, data=data, source=tiny_bert, split={"kind": "column", "column": "part"})


def test_random_weights_of_a_named_network_are_a_source_too(workspace, texts, tiny_bert):
    done = finetune(
        workspace, data=texts, source="builtin", model={"family": "pretrained", "name": tiny_bert}, epochs=1
    )
    assert "random numbers" in done.model
    assert done.strategy.startswith("full")
