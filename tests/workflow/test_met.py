"""What weights have met before, with labels, is told; runs in between do not learn it."""

import numpy as np
import pytest

import scitrain
from scitrain.errors import ScitrainError
from scitrain.runs import Run
from scitrain.workspace import Workspace

FORMULAS = [
    f"{a}{i}{b}{j}" for a in ("Li", "Na", "K", "Mg") for b in ("O", "S", "Cl") for i, j in ((1, 1), (2, 1), (2, 3))
]
ASKED = {"target": "gap", "epochs": 1, "export": [], "ensemble": 1, "inputs": "formula"}


def write(path, rows):
    path.write_text("\n".join(["formula,gap", *(f"{formula},{gap}" for formula, gap in rows)]) + "\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a workspace with measured gaps, and the same formulas multiplied with computed ones."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    gaps = np.random.default_rng(0).random(len(FORMULAS)).round(3)
    write(workspace.root / "measured.csv", [*zip(FORMULAS, gaps, strict=True)])
    write(workspace.root / "computed.csv", [*zip(FORMULAS[::-1], gaps, strict=True), ("CaF2", 0.5), ("BaF2", 0.7)])
    fluorides = [(f"{a}F{n}", n / 2) for a in ("Ca", "Ba", "Sr", "Al", "Y", "La") for n in (1, 2, 3)]
    write(workspace.root / "both.csv", [*zip(FORMULAS, gaps, strict=True), *fluorides])
    return workspace


def parts(path, rows):
    lines = [f"{formula},{i / 9:.3f},{part}" for i, (formula, part) in enumerate(rows.items())]
    path.write_text("\n".join(["formula,gap,part", *lines]) + "\n")


def pretrained(place, **options):
    asked = {"epochs": 1, "batch_size": 8, "size": "small", "objectives": {"properties": 1}, "targets": ["gap"]}
    return scitrain.PretrainTransformer(**{"data": "computed.csv", **asked, **options}).run(place)


def finetuned(place, source, **options):
    asked = {"data": "measured.csv", "source": source, "strategy": "feature", **ASKED, **options}
    done = scitrain.FinetuneModel(**asked).run(place)
    return Run.open(done.run_id, place), done


def test_labels_that_a_pretraining_was_told_of_judged_rows_are_counted_and_told(place):
    source = pretrained(place).run_id
    run, done = finetuned(place, source)
    told = run.read_json("results/lineage.json")
    assert told["steps"][0]["targets"] == ["gap"]
    assert told["steps"][0]["strategy"] == "pretrained by properties"
    [met] = told["met"]
    tested = run.read_json("results/data.json")["split"]["test"]
    assert (met["weights"], met["test"], met["tested"], met["targets"]) == (source, tested, tested, ["gap"])
    assert any("were learned from before" in one and source in one for one in done.warnings)
    assert "were learned from before" in (run.path / "MODEL_CARD.md").read_text()


def test_what_a_pretraining_excludes_it_has_not_met(place):
    run, done = finetuned(place, pretrained(place, exclude="measured.csv", data="both.csv").run_id)
    assert run.read_json("results/lineage.json")["met"] == []
    assert not any("learned from before" in one for one in done.warnings)


def test_a_pretraining_without_labels_has_met_no_label(place):
    source = pretrained(place, objectives={"masked": 1}, targets=[]).run_id
    assert finetuned(place, source)[0].read_json("results/lineage.json")["met"] == []


def test_a_run_in_between_does_not_learn_what_the_last_is_judged_on(place):
    source = pretrained(place, objectives={"masked": 1}, targets=[]).run_id
    link = {
        "data": "both.csv",
        "target": "gap",
        "inputs": "formula",
        "epochs": 1,
        "split": {"kind": "random"},
        "seed": 1,
    }
    run, _ = finetuned(place, source, intermediate=[link])
    told = run.read_json("results/lineage.json")
    middle = Run.open(told["steps"][-1]["weights"], place)
    decisions = {one.what: one.value for one in middle.record().decisions}
    assert decisions["withheld"] > 0
    # what it learned from is met nowhere; rows of its own validation chose its epoch, and are told
    assert sum(one["test"] for one in told["met"]) < decisions["withheld"]


def test_a_run_in_between_that_has_nothing_left_to_learn_says_so(place):
    source = pretrained(place, objectives={"masked": 1}, targets=[]).run_id
    last = {formula: ("train", "val", "test")[i % 3] for i, formula in enumerate(FORMULAS)}
    parts(place.root / "last.csv", last)
    parts(
        place.root / "middle.csv",
        {f: ("val" if i % 2 else "test") if part == "train" else "train" for i, (f, part) in enumerate(last.items())},
    )
    column = {"split": {"kind": "column", "column": "part"}}
    link = {"data": "middle.csv", "target": "gap", "inputs": "formula", "epochs": 1, **column}
    with pytest.raises(ScitrainError, match="nothing is left to learn from"):
        finetuned(place, source, data="last.csv", intermediate=[link], **column)
