import json
import re
import shutil

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from transformers import AutoModelForMaskedLM, AutoTokenizer

from scitrain.errors import CancelledError, ScitrainError
from scitrain.operations.finetune_model import FinetuneModel
from scitrain.operations.pretrain_transformer import PretrainTransformer
from scitrain.pretraining.corpus import Wanted, read_corpus
from scitrain.pretraining.lesson import PretrainingLesson
from scitrain.render import render_pretraining_card
from scitrain.runs import Run
from scitrain.training.checkpoints import Checkpoints
from scitrain.workspace import Workspace

METALS, ANIONS = "Li Na K Mg Ca Sr Ti Fe Co Ni Cu Zn Al Y La".split(), "O S F Cl N Se".split()
RATIOS = [("", ""), ("2", "3"), ("", "2"), ("2", "")]
FORMULAS = [f"{m}{n}{b}{k}" for m in METALS for b in ANIONS for n, k in RATIOS]
SHORT = {"epochs": 1, "batch_size": 64, "held_out": 0.2}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("pretrain")
    draw = np.random.default_rng(0)
    gaps = [f"{draw.random():.3f}" if i % 3 else "" for i in range(len(FORMULAS))]
    lines = [f"{formula},{gap}" for formula, gap in zip(FORMULAS, gaps, strict=True)]
    (root / "f.csv").write_text("\n".join(["formula,gap (eV)", *lines, "Fe0,1", "Xx2,1", f"{FORMULAS[0]},"]) + "\n")
    (root / "hidden.csv").write_text("formula\n" + "\n".join(FORMULAS[:10]) + "\n")
    few = [f"{formula},{draw.random():.3f}" for formula in FORMULAS[:90]]
    (root / "few.csv").write_text("\n".join(["formula,y", *few]) + "\n")
    return Workspace(root, ())


@pytest.fixture(scope="module")
def pretrained(place):
    weights = {"masked": 1.0, "contrastive": 0.1, "properties": 0.5}
    return PretrainTransformer(
        data="f.csv", exclude="hidden.csv", objectives=weights, targets=["gap (eV)"], **SHORT
    ).run(place)


def test_what_was_learned_from_and_what_was_left_out_are_told(place, pretrained):
    told = json.loads((place.runs / pretrained.run_id / "results/pretraining.json").read_text())
    assert (told["rows"]["invalid"], told["rows"]["excluded"], told["rows"]["repeated"]) == (2, 11, 0)
    assert (
        pretrained.rows
        == told["rows"]["kept"] - told["rows"]["held_out"]
        == len(FORMULAS) - 10 - told["rows"]["held_out"]
    )
    assert set(pretrained.held_out_loss) == {"val_masked", "val_contrastive", "val_properties"}
    assert (
        0
        <= told["masked_accuracy"]["low"]
        <= told["masked_accuracy"]["accuracy"]
        <= told["masked_accuracy"]["high"]
        <= 1
    )
    assert "hidden tokens of held-out rows told rightly; always the commonest" in pretrained.summary()


def test_properties_and_views_are_judged_beside_their_baselines_in_the_units_of_the_columns(place, pretrained):
    run = Run.open(pretrained.run_id, place)
    told = run.read_json("results/pretraining.json")
    assert [(row["name"], row["unit"]) for row in told["properties"]] == [("mae", "eV"), ("r2", "")]
    mae = told["properties"][0]
    assert 0 < mae["n"] < told["rows"]["held_out"], "held-out rows without a label are left out"
    assert mae["low"] < mae["value"] < mae["high"]
    assert mae["baselines"]["training median"]["value"] > 0
    views = told["retrieval"]
    assert views["chance"] == 1 / views["pool"]
    assert views["n"] == told["rows"]["held_out"] <= 256
    card, page = ((run.path / name).read_text(encoding="utf-8") for name in ("MODEL_CARD.md", "report.html"))
    for text in (card, page, pretrained.summary()):
        assert re.search(r"gap (\\)?\(eV\): MAE [\d.]+ \\?\[[\d., ]+\\?\] eV, R² ", text)
        assert "always the training median" in text
        assert "by chance" in text


def test_every_number_of_the_card_is_in_the_results(place, pretrained, strange_numbers):
    run = Run.open(pretrained.run_id, place)
    results = [run.read_json(f"results/{name}.json") for name in ("pretraining", "pretraining_log")]
    assert "MODEL_CARD.md" in pretrained.files
    assert strange_numbers(run.path / "MODEL_CARD.md", results) == set()
    text = (run.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "never seen is what hidden.csv names" in text
    assert "predict the columns gap (eV)" in text
    assert "always the commonest token" in text
    assert "not stated by the source" in text


def test_the_page_says_what_the_card_says_with_the_figures(place, pretrained):
    run = Run.open(pretrained.run_id, place)
    page = (run.path / "report.html").read_text(encoding="utf-8")
    headline = re.search(r"\*\*Held-out rows:\*\* (.*)\.", (run.path / "MODEL_CARD.md").read_text(encoding="utf-8"))
    for words in (
        headline[1],
        "Leak guard: never seen is what hidden.csv names",
        "<h3>Hidden elements",
        "<h3>Map of held-out rows",
    ):
        assert words in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    "path",
    [("rows", "excluded"), ("rows", "held_out"), ("held_out_loss", "val_masked"), ("masked_accuracy", "commonest")],
    ids=str,
)
def test_a_card_that_lacks_a_number_fails(place, pretrained, tmp_path, path):
    other = Workspace(tmp_path / "other")
    other.runs.mkdir(parents=True)
    shutil.copytree(place.runs / pretrained.run_id, other.runs / pretrained.run_id)
    run = Run.open(pretrained.run_id, other)
    facts = run.read_json("results/pretraining.json")
    del facts[path[0]][path[1]]
    run.write_json("results/pretraining.json", facts)
    with pytest.raises(KeyError, match=path[1]):
        render_pretraining_card(run)


def test_the_folder_is_one_of_transformers_and_the_card_says_how_it_is_read(place, pretrained, monkeypatch):
    folder = place.runs / pretrained.run_id / "models"
    assert AutoTokenizer.from_pretrained(folder).tokenize("FeO") == ["Fe", "O"]
    assert AutoModelForMaskedLM.from_pretrained(folder).config.vocab_size == 127
    card = (folder.parent / "MODEL_CARD.md").read_text()
    assert "fill-mask" not in card
    [snippet] = [part.split("```")[0] for part in card.split("```python\n") if part.startswith("import torch")]
    told: dict[str, object] = {}
    monkeypatch.chdir(folder.parent)
    exec(snippet, told)
    assert told["states"].shape == (2, 16, 128)
    assert {"figures/masked_accuracy.png", "figures/embedding_map.png", "figures/pretraining_curve.png"} <= set(
        pretrained.files
    )


def test_a_pretraining_is_a_source_of_weights(place, pretrained):
    how = {"epochs": 1, "export": [], "strategy": "full", "split": {"kind": "random"}}
    tuned = FinetuneModel(data="few.csv", target="y", source=pretrained.run_id, **how).run(place)
    assert tuned.model.startswith("matbert from")
    [parent] = Run.open(tuned.run_id, place).record().parents
    assert parent == pretrained.run_id


def test_a_source_for_other_data_is_refused(place, pretrained):
    (place.root / "t.csv").write_text("smiles,y\n" + "".join(f"{'C' * i}O,{i}\n" for i in range(1, 40)))
    with pytest.raises(ScitrainError, match="composition"):
        FinetuneModel(data="t.csv", target="y", source=pretrained.run_id, epochs=1).run(place)


def test_a_resumed_pretraining_gives_the_numbers_of_an_unbroken_one(place, monkeypatch):
    objectives = {"masked": 1.0, "contrastive": 0.1, "properties": 0.5}
    request = PretrainTransformer(
        data="few.csv", objectives=objectives, targets=["y"], **{**SHORT, "epochs": 2, "batch_size": 16}
    )
    before = torch.get_rng_state()
    whole = request.run(place)
    assert torch.equal(before, torch.get_rng_state()), "the caller's random state is its own"
    steps, original = [], PretrainingLesson.loss

    def broken(self, batch):
        steps.append(len(batch["rows"]))
        if len(steps) == 7:
            raise CancelledError("stop")
        return original(self, batch)

    run = request.create(place)
    with monkeypatch.context() as patch:
        patch.setattr(PretrainingLesson, "loss", broken)
        patch.setattr(Checkpoints, "due", lambda self: True)
        with pytest.raises(CancelledError):
            request.execute_recorded(run)
    events = (run.path / "events.jsonl").read_text()
    assert events.count('"event": "epoch"') == 1, "it was broken in the middle of the second epoch"
    run.requeue("inline")
    again = request.execute_recorded(run)
    assert again.held_out_loss == whole.held_out_loss
    logs = [Run.open(one, place).read_json("results/pretraining_log.json") for one in (whole.run_id, run.id)]
    told = [[row["train_loss"] for row in log["epochs"]] for log in logs]
    assert told[0] == told[1]
    folders = [place.runs / one / "models/model.safetensors" for one in (whole.run_id, run.id)]
    assert folders[0].read_bytes() == folders[1].read_bytes()


def test_a_pretraining_whose_time_is_over_keeps_its_best(place):
    request = PretrainTransformer(data="few.csv", **{**SHORT, "epochs": 500, "batch_size": 16}, max_minutes=1e-6)
    found = request.run(place)
    log = Run.open(found.run_id, place).read_json("results/pretraining_log.json")
    assert (log["stopped"], log["best_epoch"], log["steps"]) == ("max_minutes", 1, 1)
    assert "models/model.safetensors" in found.files


def test_whole_chemical_systems_are_held_out(place, tmp_path):
    wanted = Wanted("f.csv", "formula", "composition", ("gap (eV)",), None, 0.2)
    corpus = read_corpus(wanted, tmp_path, place)
    systems = [row[:16].tobytes() for row in np.asarray(corpus.rows)]
    assert {s for s, out in zip(systems, corpus.held, strict=True) if out}.isdisjoint(
        s for s, out in zip(systems, corpus.held, strict=True) if not out
    )
    assert np.isnan(corpus.labels).mean() == pytest.approx(1 / 3, abs=0.02)


def test_labels_of_equal_rows_are_averaged_over_those_that_are_there(place, tmp_path):
    (place.root / "twice.csv").write_text("formula,gap\nFe2O3,1\nNaCl,\nFe4O6,3\nO3Fe2,\nNaCl,5\nKBr,\nLiF,2\nCuO,1\n")
    corpus = read_corpus(Wanted("twice.csv", "formula", "composition", ("gap",), None, 0.5), tmp_path, place)
    assert corpus.labels[:, 0].tolist()[:2] == [2.0, 5.0]
    assert np.isnan(corpus.labels[2, 0])
    assert (corpus.report.kept, corpus.report.repeated) == (5, 3)


def test_molecules_are_pretrained_too(place):
    lines = "\n".join(f"{'C' * i}{end}" for i in range(1, 25) for end in ("O", "N", "Cl", "C(=O)O"))
    (place.root / "m.csv").write_text("smiles\n" + lines + "\nC(C\n")
    found = PretrainTransformer(data="m.csv", epochs=1, batch_size=16, held_out=0.2).run(place)
    assert found.model.startswith("SMILES BERT")
    assert "1 not valid" in found.left_out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"objectives": {"properties": 1.0}}, "go together"),
        ({"targets": ["gap"]}, "go together"),
        ({"objectives": {"masked": 0.0}}, "above"),
        ({"objectives": {"next": 1.0}}, "masked"),
        ({"objectives": {"masked": float("nan")}}, "finite"),
        ({"objectives": {"masked": 1.0, "properties": 0.0}, "targets": ["gap"]}, "go together"),
        ({"objectives": {"properties": 1.0}, "targets": ["gap", "gap"]}, "named twice"),
        ({"mask": 0.0}, "greater than 0"),
    ],
)
def test_a_request_that_means_nothing_is_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        PretrainTransformer(data="f.csv", **given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"column": "formla"}, "formula"),
        ({"targets": ["gpa"], "objectives": {"properties": 1.0}}, "gap"),
        ({"data": "hidden.csv", "exclude": "f.csv"}, "distinct"),
    ],
)
def test_what_cannot_be_learned_from_is_said(place, given, said):
    with pytest.raises(ScitrainError, match=said):
        PretrainTransformer(**{"data": "f.csv", **SHORT, **given}).run(place)
