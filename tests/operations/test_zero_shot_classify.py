"""zero_shot_classify as a request: entailment, embeddings, pictures; honest confidences; and what makes no sense."""

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from scipy.special import softmax
from transformers import AutoModelForSequenceClassification, AutoTokenizer, CLIPModel

import scitrain
from scitrain.errors import DataError, ScitrainError, UnknownNameError
from scitrain.operations.zero_shot_classify import ZeroShotClassify
from scitrain.runs import Run

LABELS = {"iron": "rust in wet air", "gold": "gold keeps its shine"}


@pytest.fixture(scope="module")
def models(pretrained, tmp_path_factory):
    """Return a small model of each kind."""
    root = tmp_path_factory.mktemp("hub")
    return {
        "bert": pretrained.bert(root / "bert"),
        "nli": pretrained.nli(root / "nli"),
        "mute": pretrained.nli(root / "mute", ("LABEL_0", "LABEL_1")),
        "clip": pretrained.clip(root / "clip"),
        "siglip": pretrained.clip(root / "siglip", sigmoid=True),
    }


@pytest.fixture(scope="module")
def hub(models):
    """Return the folders of the models as a request names them."""
    return {name: str(path) for name, path in models.items()}


@pytest.fixture
def table(workspace, pretrained):
    """Write texts with labels, the last two rows without one, and a split."""
    texts, kinds = pretrained.sentences(48)
    splits = ["train", "val", "test", "test"]
    rows = [[text, kind, splits[i // 2 % 4]] for i, (text, kind) in enumerate(zip(texts, kinds, strict=True))]
    return write(workspace, "t.csv", ["text", "metal", "split"], rows)


def write(workspace, name, header, rows):
    with (workspace.root / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return name


def ask(workspace, **request):
    done = scitrain.ZeroShotClassify(**({"labels": LABELS} | request)).run(workspace=workspace)
    return done, Run.open(done.run_id, workspace)


def rows_of(run):
    with (run.path / "results/zero_shot_predictions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_entailment_is_the_softmax_of_the_models_own_logits_over_the_labels(workspace, hub):
    texts = ["iron does rust in wet air", "gold"]
    data = write(workspace, "s.csv", ["remark"], [[text] for text in texts])
    done, run = ask(workspace, data=data, model=hub["nli"], labels=["rust", "shine"], template="the water is in {}")
    assert done.method == "entailment"
    network, words = (
        AutoModelForSequenceClassification.from_pretrained(hub["nli"]),
        AutoTokenizer.from_pretrained(hub["nli"]),
    )
    with torch.no_grad():
        said = [
            [
                network.eval()(**words(text, f"the water is in {label}", return_tensors="pt")).logits[0, 0].item()
                for label in ("rust", "shine")
            ]
            for text in texts
        ]
    for row, logits in zip(rows_of(run), said, strict=True):
        p = softmax(logits)
        assert [float(row[f"probability_{name}"]) for name in ("rust", "shine")] == pytest.approx(p, rel=1e-4)
        assert row["label"] == ("rust", "shine")[int(p.argmax())]
        assert float(row["confidence"]) == pytest.approx(p.max(), rel=1e-4)
    told = run.read_json("results/zero_shot.json")
    assert (told["temperature"], told["calibration"]) == (1.0, None)
    assert done.metrics == []
    assert "nothing is known of how often it is right" in done.warnings[0]


def test_a_description_that_is_the_text_lies_nearest_by_embedding(workspace, hub):
    texts = ["rust in wet air", "gold keeps its shine", "", "gold keeps its shine"]
    data = write(workspace, "s.csv", ["remark", "number"], [[text, i] for i, text in enumerate(texts)])
    done, run = ask(workspace, data=data, model=hub["bert"])
    assert done.method == "embedding"
    found = rows_of(run)
    assert [row["label"] for row in found] == ["iron", "gold", "", "gold"]
    assert found[2]["error"] == "empty; expected a text"
    assert (done.rows, done.errors) == (4, 1)
    cosine = 0.05 * np.log(float(found[1]["probability_gold"]) / float(found[1]["probability_iron"]))
    assert 0 < cosine < 2
    why = {choice.what: choice.why for choice in done.decisions}
    assert "scale of 20" in why["temperature"]
    assert "no classifier" in why["method"]


def test_true_labels_give_intervals_a_rival_confidences_by_validation_and_pages(workspace, hub, table):
    done, run = ask(workspace, data=table, model=hub["bert"], target="metal")
    named = {metric.name: metric for metric in done.metrics}
    assert named["accuracy"].n == 24  # the test rows alone
    assert named["accuracy"].low < named["accuracy"].value < named["accuracy"].high
    assert {"f1_macro", "ece", "log_loss"} <= set(named)
    assert list(named["f1_macro"].baselines) == ["commonest class"]
    assert "commonest" in done.verdict or "saying" in done.verdict
    told = run.read_json("results/zero_shot.json")
    assert told["calibration"] is not None
    assert told["rows"] == 36  # validation and test
    assert {"figures/confusion_matrix.png", "MODEL_CARD.md", "report.html", "results/metrics.json"} <= set(done.files)
    card = (run.path / "MODEL_CARD.md").read_text()
    assert "told apart by their descriptions, without training" in card
    assert "apache-2.0" in card
    assert "Predict(" not in card
    assert "fitted to labelled validation rows" in (run.path / "report.html").read_text()
    assert {row["true_label"] for row in rows_of(run)} == {"iron", "gold"}
    json.dumps(done.model_dump(mode="json"), allow_nan=False)
    assert ask(workspace, data=table, model=hub["bert"], target="metal")[0].metrics == done.metrics


def test_descriptions_are_settled_on_validation_rows_without_a_look_at_test_rows(workspace, hub, table):
    done, run = ask(workspace, data=table, model=hub["bert"], target="metal", part="val")
    assert {(metric.split, metric.n) for metric in done.metrics} == {("val", 12)}
    assert len(rows_of(run)) == 12
    assert not (run.path / "MODEL_CARD.md").exists()
    assert run.read_json("results/zero_shot.json")["calibration"] is None


def test_rows_without_a_split_are_all_measured_and_not_calibrated(workspace, hub, pretrained):
    texts, kinds = pretrained.sentences(20)
    data = write(
        workspace,
        "u.csv",
        ["text", "metal"],
        [*zip(texts[:18], kinds[:18], strict=True), [texts[18], ""], ["", "gold"]],
    )
    done, run = ask(workspace, data=data, model=hub["bert"], target="metal")
    assert done.metrics[0].n == 18
    assert "on 18 labelled rows" in (run.path / "MODEL_CARD.md").read_text()
    assert any("not calibrated: 0 labelled validation rows" in warning for warning in done.warnings)
    assert [row["label"] != "" for row in rows_of(run)] == [True] * 19 + [False]


def test_numbers_of_folds_and_splits_that_contradict_one_another_measure_all_rows(workspace, hub, pretrained):
    texts, kinds = pretrained.sentences(12)
    rows = [[*both, i % 3] for i, both in enumerate(zip(texts, kinds, strict=True))]
    folds = write(workspace, "f.csv", ["text", "metal", "fold"], rows)
    assert ask(workspace, data=folds, model=hub["bert"], target="metal")[0].metrics[0].n == 12
    words = ["train", "val", "test"]
    two = write(workspace, "w.csv", ["text", "metal", "a", "b"], [[*row[:2], words[row[2]], words[0]] for row in rows])
    done, _ = ask(workspace, data=two, model=hub["bert"], target="metal")
    assert done.metrics[0].n == 12
    assert {choice.what: choice.why for choice in done.decisions}["rows"] == "several columns say a split: a, b"


def test_several_labels_have_a_probability_each(workspace, hub):
    data = write(workspace, "s.csv", ["remark"], [["iron does rust"], ["wind"]])
    _, run = ask(workspace, data=data, model=hub["nli"], labels=["iron", "gold", "water"], multi_label=True)
    for row in rows_of(run):
        p = {name: float(row[f"probability_{name}"]) for name in ("iron", "gold", "water")}
        assert row["labels"] == "|".join(name for name in p if p[name] >= 0.5)
        assert "label" not in row
    with pytest.raises(ScitrainError, match="a probability of each label by itself, which embedding"):
        ask(workspace, data=data, model=hub["bert"], multi_label=True)


@pytest.fixture
def pictures(workspace):
    for i in range(6):
        path = workspace.root / "pictures" / ("iron", "gold")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 12), (200, 150 * (i % 2), 10 * i)).save(path)
    return "pictures"


def test_pictures_are_told_by_both_towers_and_folders_are_their_true_labels(workspace, hub, pictures):
    done, run = ask(workspace, data=pictures, model=hub["clip"], labels=["iron", "gold"], template="the {} in water")
    assert (done.method, done.metrics[0].n) == ("clip", 6)
    network, words = CLIPModel.from_pretrained(hub["clip"]).eval(), AutoTokenizer.from_pretrained(hub["clip"])
    reads = json.loads((workspace.root.parent / hub["clip"] / "preprocessor_config.json").read_text())
    row = rows_of(run)[0]
    with Image.open(row["image"]) as image:
        pixels = torch.tensor(np.asarray(image.resize((16, 16)), dtype=np.float32) / 255).permute(2, 0, 1)
    mean, std = (torch.tensor(reads[name]).view(3, 1, 1) for name in ("image_mean", "image_std"))
    texts = words(["the iron in water", "the gold in water"], padding=True, return_tensors="pt")
    known = {name: texts[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        p = network(pixel_values=((pixels - mean) / std)[None], **known).logits_per_image.softmax(1)[0]
    assert [float(row["probability_iron"]), float(row["probability_gold"])] == pytest.approx(p.tolist(), abs=1e-4)
    assert run.read_json("results/zero_shot.json")["temperature"] == pytest.approx(
        float(1 / network.logit_scale.detach().exp())
    )


def test_siglip_gives_several_labels_and_a_damaged_picture_its_reason(workspace, hub, pictures):
    (workspace.root / "pictures" / "gold" / "7.png").write_bytes(b"no picture")
    done, run = ask(workspace, data=pictures, model=hub["siglip"], labels=["wet", "dry"], multi_label=True)
    assert done.errors == 1
    bad = [row for row in rows_of(run) if row["error"]]
    assert "7.png" in bad[0]["error"]
    with pytest.raises(ScitrainError, match=r"which clip with .* has not; take an NLI model, or SigLIP"):
        ask(workspace, data=pictures, model=hub["clip"], labels=["wet", "dry"], multi_label=True)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"labels": ["iron"]}, "1 label: give at least 2"),
        ({"labels": ["iron", "Iron "]}, "labels said twice"),
        ({"labels": {"a": "the same", "b": "the same"}}, "cannot be told apart"),
        ({"labels": ["iron", "…"]}, "a label without words"),
        ({"template": "about this"}, "no place for the description"),
        ({"multi_label": True, "target": "metal"}, "leave one of them out"),
    ],
)
def test_labels_that_tell_nothing_are_refused_when_the_request_is_made(request_, said):
    with pytest.raises(ValidationError, match=said):
        ZeroShotClassify(**({"data": "t.csv", "labels": ["iron", "gold"]} | request_))


@pytest.mark.parametrize(
    ("request_", "error", "said"),
    [
        (
            {"model": "mute", "method": "entailment"},
            ScitrainError,
            "no label for entailment; its labels are LABEL_0, LABEL_1",
        ),
        ({"model": "bert", "method": "entailment"}, ScitrainError, r"has no classifier \(it is a BertModel\)"),
        ({"model": "clip"}, ScitrainError, r"\(clip\) reads images, and these data are text; take a model such as"),
        ({"model": "bert", "method": "clip"}, ScitrainError, "method='clip' reads image data, and these are text"),
        ({"model": "bert", "data": "pictures"}, ScitrainError, r"\(bert\) reads texts, and these data are image"),
        ({"model": "bert", "data": "m.csv"}, DataError, "look like smiles data, which few_shot_classify reads"),
        ({"model": "bert", "data": "n.csv"}, DataError, "say in inputs which column holds texts"),
        ({"model": "bert", "target": "mettal"}, UnknownNameError, "did you mean 'metal'"),
        (
            {"model": "bert", "target": "metal", "labels": ["irons", "gold"]},
            DataError,
            "did you mean 'irons' by 'iron'",
        ),
        ({"model": "bert", "target": "metal", "inputs": "metal"}, DataError, "both as target and as input"),
        ({"model": "bert", "part": "val"}, DataError, "part='val' measures validation rows, and needs a target"),
        ({"model": "bert", "data": "nowhere.csv"}, ScitrainError, "no file or folder"),
        (
            {"model": "bert", "data": "empty.csv", "inputs": "text"},
            DataError,
            "no row of empty.csv can be read as text",
        ),
        (
            {"model": "bert", "labels": {"iron": "rust " * 60, "gold": "x"}, "method": "embedding"},
            DataError,
            "62 tokens, and there is place for 40; shorten it",
        ),
        ({"model": "predict-20260101T120000-0a1b2c3d"}, ScitrainError, "a trained run classifies with predict"),
        (
            {"model": "org/some-nli"},
            ScitrainError,
            "cannot be fetched.*HF_HUB_OFFLINE.*few_shot_classify with a few examples",
        ),
        ({"model": "facebook/bart-large-mni"}, ScitrainError, "did you mean 'facebook/bart-large-mnli'"),
        ({"model": None}, ScitrainError, "'sentence-transformers/all-MiniLM-L6-v2' cannot be fetched"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(
    workspace, hub, table, pictures, request_, error, said, monkeypatch
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (workspace.root / "m.csv").write_text("smiles\nCCO\nCCCCN\nc1ccccc1\n")
    (workspace.root / "n.csv").write_text("a,b\n1,2\n3,4\n")
    (workspace.root / "empty.csv").write_text("text,id\n,1\n ,2\n")
    model = hub.get(request_["model"], request_["model"]) if request_.get("model") else None
    with pytest.raises(error, match=said):
        ask(workspace, **({"data": table} | request_ | {"model": model}))


def test_a_head_of_another_size_is_said(workspace, pretrained, table):
    folder = pretrained.nli(workspace.root / "nli")
    config = json.loads((folder / "config.json").read_text())
    names = ["entailment", "not_entailment"]
    config |= {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        ScitrainError, match=r"nli' are of another architecture: .*classifier.bias is \(3,\), expected \(2,\)"
    ):
        ask(workspace, data=table, model="nli")


def test_large_files_are_worked_on_in_the_background(workspace):
    (workspace.root / "large.csv").write_text("text\n" + "a text\n" * 40_000)
    assert ZeroShotClassify(data=str(workspace.root / "large.csv"), labels=["a", "b"]).in_background()
    assert not ZeroShotClassify(data="small.csv", labels=["a", "b"]).in_background()
