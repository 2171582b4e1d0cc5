"""Texts and properties of formulas, as a user lets them be written."""

import csv
import html
import shutil

import pytest
from pydantic import ValidationError
from transformers import AutoTokenizer, T5ForConditionalGeneration

from scitrain.errors import DataError, RunStateError, ScitrainError, UnknownNameError
from scitrain.operations.design_materials import DesignMaterials
from scitrain.operations.generate_candidates import GenerateCandidates
from scitrain.operations.train_generator import TrainGenerator
from scitrain.render.markup import markdown
from scitrain.render.writer_card import render_writer_card, verdict
from scitrain.runs import Run
from scitrain.workspace import Workspace

METALS, ANIONS = ("Li", "Na", "K", "Mg", "Ca", "Fe", "Co"), ("O", "S", "F", "Cl", "N")
ROWS = [
    (f"{m}{n}{a}", f"{len(m) + i / 7:.2f}", f"a {a} of {m}")
    for m in METALS
    for i, a in enumerate(ANIONS)
    for n in ("", "2")
]
SMALL = {"family": "matt5", "layers": 1, "width": 32, "heads": 1, "epochs": 2, "batch_size": 16}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("matt5")
    lines = [",".join(row) for row in [*ROWS, ("Xx2", "1", "no element"), ("LiO", "9", "again"), ("BaO", "", "")]]
    (root / "known.csv").write_text("\n".join(["formula,gap (eV),description", *lines]) + "\n", encoding="utf-8")
    return Workspace(root, ())


@pytest.fixture(scope="module")
def trained(place):
    return TrainGenerator(data="known.csv", writes=["gap (eV)", "description"], **SMALL).run(place)


def rows(place, run_id, name="results/candidates.csv"):
    with (place.runs / run_id / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_written_of_test_rows_is_judged_beside_what_needs_no_network(place, trained):
    run = Run.open(trained.run_id, place)
    facts = run.read_json("results/written.json")
    gap, words = facts["judged"]
    assert (gap["unit"], words["number"]) == ("eV", False)
    assert set(gap["beside"]) == {"median", "random forest"}
    assert facts["data"]["rows_rejected"] == 1
    assert sum(facts["rows"].values()) == len(ROWS)
    assert {"MODEL_CARD.md", "report.html", "results/predictions.csv", "models/model.safetensors"} <= set(trained.files)
    assert "gap (eV): MAE" in trained.summary()
    assert "chrF" in trained.summary()
    predicted = rows(place, trained.run_id, "results/predictions.csv")
    known = {formula: f"gap (eV)={float(gap):.4g}; description={text}" for formula, gap, text in ROWS}
    assert all(row["truth"] == known.get(row["formula"], row["truth"]) for row in predicted)
    assert len(predicted) == facts["rows"]["test"]


def test_card_and_page_repeat_the_verdicts_and_fail_where_a_number_is_lacking(place, trained, tmp_path):
    run = Run.open(trained.run_id, place)
    facts = run.read_json("results/written.json")
    card, page = ((run.path / name).read_text(encoding="utf-8") for name in ("MODEL_CARD.md", "report.html"))
    for one in facts["judged"]:
        assert markdown(verdict(one)) in card
        assert html.escape(verdict(one), quote=False) in page
    assert "likeliest, not what is known" in card
    assert f'GenerateCandidates(run="{trained.run_id}", formulas=["Fe2O3"' in card
    other = Workspace(tmp_path / "other")
    other.runs.mkdir(parents=True)
    shutil.copytree(run.path, other.runs / run.id)
    copied = Run.open(run.id, other)
    del facts["judged"][0]["mae"]["low"]
    copied.write_json("results/written.json", facts)
    with pytest.raises(KeyError, match="low"):
        render_writer_card(copied)


def test_the_folder_is_one_of_transformers(place, trained):
    folder = place.runs / trained.run_id / "models"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = T5ForConditionalGeneration.from_pretrained(folder)
    said = model.generate(**tokenizer("FeO", return_tensors="pt", return_token_type_ids=False), max_new_tokens=60)
    [row] = rows(place, GenerateCandidates(run=trained.run_id, formulas=["FeO"]).run(place).run_id)
    assert tokenizer.decode(said[0], skip_special_tokens=True) == row["written"]


def test_texts_are_written_of_a_list_or_a_file_and_bad_formulas_cost_their_row(place, trained):
    (place.root / "new.csv").write_text("formula\nCaS\nO3Fe2\n\nFe2O\n", encoding="utf-8")
    done = GenerateCandidates(run=trained.run_id, formulas=["CaS", "O3Fe2", "Xx", "", "🙂"]).run(place)
    found = rows(place, done.run_id)
    assert [row["candidate"] for row in found] == ["CaS", "Fe2O3", "", "", ""]
    assert "no element 'Xx'" in found[2]["error"]
    assert (done.found, "report.html" in done.files) == (2, True)
    other = rows(place, GenerateCandidates(run=trained.run_id, formulas="new.csv", beams=1).run(place).run_id)
    assert other[0]["written"] == found[0]["written"]
    assert len(GenerateCandidates(run=trained.run_id, formulas=["CaS"], beams=3).run(place).candidates) == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "name them in `formulas`"),
        ({"formulas": ["CaS"], "temperature": 0.5}, "draws none"),
        ({"formulas": ["CaS"], "conditions": {"gap": 1}}, "leave out conditions"),
        ({"formulas": "nowhere.csv"}, "no file"),
    ],
)
def test_what_a_writer_cannot_do_is_refused(place, trained, asked, said):
    with pytest.raises(ScitrainError, match=said):
        GenerateCandidates(run=trained.run_id, **asked).run(place)


def test_a_writer_is_no_source_of_candidates(place, trained):
    with pytest.raises(RunStateError, match="holds no generator"):
        DesignMaterials(targets={"cost": {"max": 5}}, generator=trained.run_id, data="known.csv").run(place)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"family": "matt5"}, "go together"),
        ({"writes": ["gap"]}, "go together"),
        ({"family": "matt5", "writes": ["gap"], "conditions": ["gap"]}, "formula alone"),
    ],
)
def test_a_request_that_means_nothing_is_refused(asked, said):
    with pytest.raises(ValidationError, match=said):
        TrainGenerator(data="known.csv", **asked)


def test_data_without_what_is_written_are_refused(place):
    with pytest.raises(UnknownNameError, match="description"):
        TrainGenerator(data="known.csv", **{**SMALL, "writes": ["descriptoin"]}).run(place)
    with pytest.raises(DataError, match="formulas themselves"):
        TrainGenerator(data="known.csv", **{**SMALL, "writes": ["formula"]}).run(place)
    (place.root / "molecules.csv").write_text("smiles,note\n" + "\n".join(f"{'C' * i}O,x" for i in range(1, 40)))
    with pytest.raises(DataError, match="MatT5 reads formulas"):
        TrainGenerator(data="molecules.csv", **SMALL, writes=["note"]).run(place)
    (place.root / "few.csv").write_text("formula,note\nNaCl,salt\nKCl,salt\n")
    with pytest.raises(DataError, match="at least 30"):
        TrainGenerator(data="few.csv", **SMALL, writes=["note"]).run(place)
