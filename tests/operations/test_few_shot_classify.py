"""few_shot_classify as a request: episodes, new rows, encoders, and what makes no sense."""

import csv
import json
import re

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from pydantic import ValidationError
from safetensors.torch import save_file

import scitrain
from scitrain.errors import DataError, ScitrainError, UnknownNameError
from scitrain.models.timm import Timm
from scitrain.runs import Run
from scitrain.transfer.origin import Origin
from scitrain.workflow import encoders

NAMES = "abcdef"


def write(workspace, name, rows, labelled=True):
    header = [*NAMES, "kind"] if labelled else [*NAMES]
    lines = [",".join(map(str, row if labelled else row[:6])) for row in rows]
    (workspace.root / name).write_text("\n".join([",".join(header), *lines]) + "\n", encoding="utf-8")
    return name


def made(classes, rows, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(12, 6)) * 2
    return [[*np.round(centres[k] + rng.normal(size=6), 4), f"kind{k:02d}"] for k in classes for _ in range(rows)]


@pytest.fixture
def table(workspace):
    return write(workspace, "t.csv", made(range(12), 16))


def ask(workspace, **request):
    done = scitrain.FewShotClassify(**({"target": "kind", "episodes": 50} | request)).run(workspace=workspace)
    return done, Run.open(done.run_id, workspace)


def rows_of(run):
    with (run.path / "results/few_shot_predictions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_episodes_on_features_come_with_intervals_rivals_and_pages(workspace, table):
    done, run = ask(workspace, data=table)
    accuracy = done.metrics[0]
    assert (accuracy.name, accuracy.n) == ("accuracy", 50)
    assert accuracy.low < accuracy.value < accuracy.high
    assert list(accuracy.baselines) == ["nearest neighbour", "linear probe"]
    assert "Prototypes beat the nearest neighbour" in done.verdict
    told = run.read_json("results/few_shot.json")
    assert (told["way"], told["shot"], told["episodes"], told["queries"]) == (5, 5, 50, 11)
    assert set(told["by_class"]) == set(done.classes) == {f"kind{k:02d}" for k in range(12)}
    mean = np.average(
        [one["accuracy"] for one in told["by_class"].values()],
        weights=[one["queries"] for one in told["by_class"].values()],
    )
    assert mean == pytest.approx(accuracy.value)
    card = (run.path / "MODEL_CARD.md").read_text()
    assert "Prototypes of 12 classes of kind" in card
    assert "Predict(" not in card
    assert "Rows and prototypes" in (run.path / "report.html").read_text()
    assert len(rows_of(run)) == 20 * 5 * 11
    assert scitrain.GetRun(run_id=run.id).run(workspace).metrics == done.metrics
    json.dumps(done.model_dump(mode="json"), allow_nan=False)


def test_new_rows_get_label_confidence_distances_and_a_flag_and_a_bad_one_its_reason(workspace):
    support = write(workspace, "s.csv", made(range(3), 8))
    far = [[99] * 6 + [""]]
    new = write(workspace, "q.csv", [*made(range(3), 2), ["x", 1, 2, 3, 4, 5, ""], *far], labelled=False)
    done, run = ask(workspace, data=support, predict=new)
    rows = rows_of(run)
    assert [row["label"] for row in rows[:6]] == [f"kind{k:02d}" for k in (0, 0, 1, 1, 2, 2)]
    assert rows[6]["label"] == ""
    assert "'x'" in rows[6]["error"]
    assert rows[7]["in_domain"] == "False"
    for row in rows[:6]:
        assert 1 / 3 < float(row["confidence"]) <= 1
        nearest = min(("kind00", "kind01", "kind02"), key=lambda name: float(row[f"distance_{name}"]))
        assert nearest == row["label"]
    assert done.metrics[0].n == 24
    assert done.predictions[0]["label"] == "kind00"
    assert run.read_json("results/few_shot.json")["outside_domain"] == 1


def test_one_example_a_class_classifies_without_confidence(workspace):
    support = write(workspace, "s.csv", made(range(4), 1))
    done, run = ask(workspace, data=support, predict=write(workspace, "q.csv", made(range(4), 2), labelled=False))
    assert done.metrics[0].value is None
    assert "one example a class" in done.metrics[0].reason
    assert {row["confidence"] for row in rows_of(run)} == {""}
    assert all(row["label"] for row in rows_of(run))


@pytest.fixture
def encoder(workspace, trained):
    """Return a run whose network reads formulas, and a table of formulas by their first element."""
    source = trained.trained_run(workspace.root, "multiclass")
    rows = [f"{formula},of {re.match('[A-Z][a-z]?', formula)[0]}" for formula in trained.FORMULAS]
    (workspace.root / "f.csv").write_text("\n".join(["formula,first", *rows]) + "\n")
    return source


def test_a_trained_run_encodes_classes_it_has_never_seen(workspace, encoder):
    done, run = ask(workspace, data="f.csv", target="first", encoder=encoder.id)
    assert set(done.classes) == {"of Li", "of Na", "of K", "of Mg", "of Ca"}
    assert list(done.metrics[0].baselines)[-1] == "nearest neighbour on raw features"
    assert run.record().parents == [encoder.id]
    assert run.read_json("results/few_shot.json")["width"] == 32
    request = {"train": "encoder", "train_episodes": 20, "classes": ["of Li", "of Na"]}
    taught, _ = ask(workspace, data="f.csv", target="first", encoder=encoder.id, **request)
    assert any(choice.what == "episodic training" for choice in taught.decisions)


def test_a_pretrained_text_model_encodes_by_its_own_tokens(workspace, pretrained):
    folder = pretrained.bert(workspace.root / "bert")
    texts, kinds = pretrained.sentences(48)
    lines = [f'"{text}",{kind} {i % 4}' for i, (text, kind) in enumerate(zip(texts, kinds, strict=True))]
    (workspace.root / "t.csv").write_text("\n".join(["text,kind", *lines]) + "\n")
    done, run = ask(workspace, data="t.csv", encoder=folder.name, predict="t.csv")
    assert done.encoder == "the local bert"
    told = run.read_json("results/few_shot.json")
    assert (told["width"], told["licence"]) == (16, "apache-2.0")
    assert run.record().parents == []
    assert {choice.what: choice.value for choice in done.decisions}["encoder"] == "the local bert"
    assert all(row["label"] for row in rows_of(run))
    taught, _ = ask(workspace, data="t.csv", encoder=folder.name, shot=1, train="encoder", train_episodes=20)
    assert list(taught.metrics[0].baselines)[-1] == "nearest neighbour on raw features"
    assert any("pretrained on is not known here" in warning for warning in taught.warnings)


def test_molecules_are_encoded_by_the_tokens_of_a_pretrained_folder(workspace, pretrained):
    folder = pretrained.roberta(workspace.root / "chem")
    rows = [f"{'C' * (1 + i % 9)}{end},{kind}" for i in range(9) for end, kind in (("O", "alcohol"), ("Br", "bromide"))]
    (workspace.root / "m.csv").write_text("\n".join(["smiles,kind", *rows]) + "\n")
    done, run = ask(workspace, data="m.csv", encoder=str(folder), shot=2)
    assert run.read_json("results/few_shot.json")["width"] == 16
    assert done.metrics[0].value > 0.5


def squares(workspace):
    """Write images of dark and of bright squares."""
    for i in range(16):
        path = workspace.root / "images" / ("dark", "bright")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (40 + 150 * (i % 2) + i, 60, 90)).save(path)
    return "images"


def test_a_network_of_images_reads_pixels_as_its_weights_expect(workspace, monkeypatch):
    weights = workspace.root / "test_resnet.safetensors"
    save_file(timm.create_model("test_resnet").state_dict(), weights)
    made = Origin("test_resnet", "hub", Timm(name="test_resnet", weights=str(weights)), None, "apache-2.0")
    monkeypatch.setattr(encoders, "resolve", lambda *asked: made)
    done, run = ask(workspace, data=squares(workspace), target=None, encoder="test_resnet", shot=2)
    assert done.encoder == "test_resnet of the hub"
    assert run.read_json("results/few_shot.json")["licence"] == "apache-2.0"
    network = encoders.pretrained_encoder("test_resnet", "image", images(workspace), workspace)
    pixels = torch.full((1, 3, 32, 32), 0.5)
    known = timm.get_pretrained_cfg("test_resnet")
    expected = (0.5 - torch.tensor(known.mean)) / torch.tensor(known.std)
    torch.testing.assert_close(network.network.inputs(pixels)[0, :, 0, 0], expected)


def images(workspace):
    return {"path": [str(path) for path in sorted((workspace.root / "images").rglob("*.png"))]}


def test_without_a_hub_the_error_says_which_files_to_put_where(workspace, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ScitrainError, match=r"'resnet18' cannot be fetched.*HF_HUB_OFFLINE"):
        ask(workspace, data=squares(workspace), target=None, encoder="resnet18")


def test_classes_that_the_encoder_has_seen_are_not_held_out(workspace, encoder):
    kinds = ["cubic", "hexagonal", "new", "newer"]
    rows = (workspace.root / "f.csv").read_text().splitlines()[1:]
    labelled = [f"{row.split(',')[0]},{kinds[i % 4]}" for i, row in enumerate(rows)]
    (workspace.root / "s.csv").write_text("\n".join(["formula,system", *labelled]) + "\n")
    done, _ = ask(workspace, data="s.csv", target="system", encoder=encoder.id)
    assert done.classes == ["new", "newer"]
    with pytest.raises(DataError, match="cubic cannot be held out: the encoder was trained on them"):
        ask(workspace, data="s.csv", target="system", encoder=encoder.id, classes=["cubic", "new"])


def test_an_encoder_of_another_kind_of_data_is_refused(workspace, encoder, table):
    with pytest.raises(
        DataError, match=r"the encoder reads formula data from formula; t\.csv: no column looks like formula"
    ):
        ask(workspace, data=table, encoder=encoder.id)
    with pytest.raises(DataError, match="the encoder was trained on formula data"):
        ask(workspace, data=table, encoder=encoder.id, modality="tabular")


def test_the_same_request_gives_the_same_numbers(workspace, table):
    request = {"data": table, "select": "kmeans++", "metric": "cosine", "train": "projection", "train_episodes": 20}
    first, second = (ask(workspace, **request)[0] for _ in range(2))
    assert first.metrics == second.metrics
    assert len(first.classes) == 6


@pytest.mark.parametrize(
    ("request_", "error", "said"),
    [
        ({"classes": ["kind01", "kid02"]}, UnknownNameError, "no class named 'kid02'; did you mean 'kind02'"),
        ({"classes": ["kind01"]}, DataError, "1 class to tell apart, at least 2"),
        ({"way": 20}, DataError, "way=20, but there are 12 classes"),
        ({"shot": 30}, DataError, "30-shot episodes need 31 rows of each class.*kind00 has 16"),
        ({"target": "a"}, DataError, "holds numbers such as"),
        ({"encoder": "resnet50"}, ScitrainError, "'resnet50' names a model of a hub.*but these data are tabular"),
        ({"encoder": "model.safetensors"}, ScitrainError, "says nothing of a network: give 'features', the id of"),
        ({"encoder": "builtin"}, ScitrainError, "says nothing of a network"),
        ({"encoder": "train_model-20260101T120000-0a1b2c3d"}, ScitrainError, "no run"),
        ({"train": "encoder"}, ScitrainError, "train='encoder' needs a network"),
        ({"train": "projection", "classes": [f"kind{k:02d}" for k in range(11)]}, DataError, "at least 2 base classes"),
        ({"predict": "nowhere.csv"}, ScitrainError, "no file or folder"),
        ({"predict": "m.csv"}, UnknownNameError, "'a'; known: smiles"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(workspace, table, request_, error, said):
    (workspace.root / "m.csv").write_text("smiles,x\nCCO,1\nCCC,2\n")
    with pytest.raises(error, match=said):
        ask(workspace, data=table, **request_)


@pytest.mark.parametrize(
    ("rows", "request_", "said"),
    [
        (made([3], 9), {}, "one class only"),
        (made(range(5), 1), {}, "kind00 has 1, .*Add rows"),
        (made(range(5), 1), {"shot": 5, "predict": "t.csv"}, "shot=5, but kind00 has 1"),
        ([["x"] * 6 + [f"kind{i % 2}"] for i in range(9)], {"modality": "smiles", "inputs": ["a"]}, "no usable row"),
    ],
)
def test_a_table_that_cannot_teach_is_refused(workspace, table, rows, request_, said):
    with pytest.raises(DataError, match=said):
        ask(workspace, data=write(workspace, "bad.csv", rows), **request_)


def test_fields_out_of_range_are_refused_when_the_request_is_made():
    with pytest.raises(ValidationError, match="greater than or equal to 50"):
        scitrain.FewShotClassify(data="x.csv", episodes=3)
