"""Train generators and draw from them, as a user does."""

import csv
import json
import re
import shlex
import shutil

import numpy as np
import pytest
from pydantic import ValidationError

from scitrain.errors import CancelledError, DataError, RunStateError, ScitrainError, UnknownNameError
from scitrain.generation import probing
from scitrain.generation.generator import Tuning, load
from scitrain.generation.heeding import heeded
from scitrain.generation.options import Sampling
from scitrain.operations.evaluate_candidates import EvaluateCandidates
from scitrain.operations.generate_candidates import GenerateCandidates
from scitrain.operations.train_generator import TrainGenerator
from scitrain.render import render_generator_card
from scitrain.runs import Run
from scitrain.workflow import finish_generator
from scitrain.workspace import Workspace

SMALL = {"layers": 1, "width": 32, "epochs": 2, "max_rows": 150, "batch_size": 32}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a workspace with a generator of molecules that heeds logP, and one of compositions."""
    workspace = Workspace(tmp_path_factory.mktemp("generators"))
    with pytest.MonkeyPatch.context() as patch:
        few_draws(patch)
        return workspace, *both(workspace)


def both(workspace):
    molecules = TrainGenerator(data="builtin:nci-molecules", conditions=["logp"], **SMALL).run(workspace)
    formulas = TrainGenerator(data="builtin:formation-enthalpy", **SMALL).run(workspace)
    return molecules, formulas


def few_draws(patch):
    """Judge by a handful: what the shares are is nothing that is tested here."""
    patch.setattr(finish_generator, "SAMPLED", 60)
    patch.setattr(finish_generator, "EACH", 4)
    patch.setattr(probing, "SAMPLE", 16)


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    few_draws(monkeypatch)


def rows(run):
    with (run.path / "results/candidates.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_trained_generator_says_what_it_is_worth_and_leaves_transformers_files(trained):
    workspace, molecules, _ = trained
    run = Run.open(molecules.run_id, workspace)
    facts = run.read_json("results/generator.json")
    assert set(facts["sample"]) == {"valid", "unique", "novel", "rejected"}
    assert facts["heeds"][0]["name"] == "logp"
    assert {"models/model.safetensors", "models/tokenizer.json", "models/generator.json"} <= set(run.artifacts())
    assert {"figures/learning_curve.png", "figures/sample_shares.png"} <= set(run.artifacts())
    assert "valid" in run.read_json("results/dl_training_log.json")["epochs"][0]
    assert "generate_candidates" in molecules.next_step


def card_files(run):
    return [
        run.read_json(name)
        for name in ("results/generator.json", "results/dl_training_log.json", "models/generator.json")
    ]


def test_every_number_of_the_card_is_in_the_files_of_the_run(trained, strange_numbers):
    workspace, *both = trained
    for result in both:
        run = Run.open(result.run_id, workspace)
        assert "MODEL_CARD.md" in result.files
        assert strange_numbers(run.path / "MODEL_CARD.md", card_files(run)) == set()


def test_the_card_tells_ranges_licence_and_what_validity_does_not_say(trained):
    workspace, molecules, formulas = trained
    cards = [
        (workspace.runs / one.run_id / "MODEL_CARD.md").read_text(encoding="utf-8") for one in (molecules, formulas)
    ]
    assert "| logp | −2.72 … 9.45 | 2.33 ± 1.90 | calculated from the structure |" in cards[0]
    assert "US National Cancer Institute" in cards[0]
    assert "trained without conditions" in cards[1]
    assert "A composition is no structure" in cards[1]
    assert all("not that it is stable" in card and "Networks memorise" in card for card in cards)


def test_the_ways_to_draw_that_the_card_names_are_requests(trained):
    workspace, molecules, _ = trained
    text = (workspace.runs / molecules.run_id / "MODEL_CARD.md").read_text(encoding="utf-8")
    [call] = re.findall(r"scitrain\.(GenerateCandidates\(.*\))\.run\(\)", text)
    [line] = re.findall(r"^scitrain generate-candidates .*$", text, flags=re.M)
    made = eval(call, {"GenerateCandidates": GenerateCandidates})
    _, _, _, run_id, _, n, _, told = shlex.split(line)
    assert made == GenerateCandidates(run=run_id, n=int(n), conditions=json.loads(told))
    made.check(workspace)


@pytest.mark.parametrize(
    "path",
    [
        ("val_loss",),
        ("best_epoch",),
        ("data", "strings"),
        ("data", "licence"),
        ("sample", "valid", "low"),
        ("sample", "novel", "n"),
        ("conditions", 0, "high"),
        ("heeds", 0, "mae"),
    ],
    ids=str,
)
def test_a_card_that_lacks_a_number_fails(trained, tmp_path, path):
    workspace, molecules, _ = trained
    other = Workspace(tmp_path / "other")
    other.runs.mkdir(parents=True)
    shutil.copytree(workspace.runs / molecules.run_id, other.runs / molecules.run_id)
    run = Run.open(molecules.run_id, other)
    facts = run.read_json("results/generator.json")
    inner = facts
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    run.write_json("results/generator.json", facts)
    with pytest.raises(KeyError, match=path[-1]):
        render_generator_card(run)


def test_candidates_are_valid_new_and_different(trained):
    workspace, molecules, formulas = trained
    for source in (molecules, formulas):
        done = GenerateCandidates(run=source.run_id, n=12, max_minutes=0.5).run(workspace)
        found = [row["candidate"] for row in rows(Run.open(done.run_id, workspace))]
        generator = load(Run.open(source.run_id, workspace))
        assert len(found) == len(set(found)) == done.found > 0
        assert [generator.settle(text).key for text in found] == found
        assert not any(text in generator.known for text in found)


def test_what_was_drawn_is_found_or_rejected_with_a_reason(trained):
    workspace, molecules, _ = trained
    done = GenerateCandidates(run=molecules.run_id, n=5, seed=3).run(workspace)
    facts = Run.open(done.run_id, workspace).read_json("results/generation.json")
    assert facts["drawn"] == facts["found"] + sum(facts["rejected"].values())


def test_a_condition_is_taken_in_its_unit_warned_of_outside_and_refused_far_away(trained):
    workspace, molecules, _ = trained
    told = load(Run.open(molecules.run_id, workspace)).config.conditions[0]
    beyond = told.high + 0.2 * (told.high - told.low)
    asked = {"logp": {"value": beyond, "tolerance": 1000.0}}
    done = GenerateCandidates(run=molecules.run_id, n=2, conditions=asked).run(workspace)
    assert "extrapolation" in done.warnings[0]
    assert rows(Run.open(done.run_id, workspace))[0]["asked_logp"] == str(beyond)
    with pytest.raises(ScitrainError, match="too far outside"):
        GenerateCandidates(run=molecules.run_id, conditions={"logp": 1000.0}).run(workspace)
    with pytest.raises(UnknownNameError, match="did you mean 'logp'"):
        GenerateCandidates(run=molecules.run_id, conditions={"log": 1.0}).run(workspace)


def test_molecules_are_spelled_with_double_bonds_unless_aromatic_atoms_are_asked_for(trained, tmp_path):
    _, molecules, _ = trained
    workspace = Workspace(tmp_path)
    other = TrainGenerator(data="builtin:nci-molecules", aromatic=True, **SMALL | {"epochs": 1}).run(workspace)
    assert load(Run.open(other.run_id, workspace)).config.notation == "smiles"
    assert load(Run.open(molecules.run_id, trained[0])).config.notation == "kekule"
    for asked in ({"data": "builtin:nci-molecules", "family": "selfies_gpt"}, {"data": "builtin:formation-enthalpy"}):
        with pytest.raises(ScitrainError, match="aromatic=True"):
            TrainGenerator(aromatic=True, **asked, **SMALL).run(workspace)


def test_a_generator_without_conditions_says_so(trained):
    workspace, _, formulas = trained
    with pytest.raises(ScitrainError, match="trained without conditions"):
        GenerateCandidates(run=formulas.run_id, conditions={"gap": 1.0}).run(workspace)


def test_a_million_with_hardly_any_time_keeps_what_was_found(trained):
    workspace, _, formulas = trained
    done = GenerateCandidates(run=formulas.run_id, n=1_000_000, max_minutes=0.002, batch_size=16).run(workspace)
    assert done.stopped == "max_minutes"
    assert 0 < done.found == len(rows(Run.open(done.run_id, workspace)))


def test_a_search_that_was_interrupted_ends_with_the_candidates_of_an_unbroken_one(trained, monkeypatch):
    workspace, _, formulas = trained
    asked = GenerateCandidates(run=formulas.run_id, n=40, batch_size=16)
    whole = asked.run(workspace)
    run = asked.create(workspace)
    told = []

    def stopping(self, stage, *_, **__):
        told.append(stage)
        if told.count("generate") == 3:
            raise CancelledError("asked to stop")

    with monkeypatch.context() as patch:
        patch.setattr(Run, "progress", stopping)
        with pytest.raises(CancelledError):
            asked.execute_recorded(run)
    with (run.path / "checkpoints/candidates.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"torn')
    asked.execute_recorded(run)
    assert rows(run) == rows(Run.open(whole.run_id, workspace))


def test_values_spread_over_a_range_stand_beside_each_candidate_and_are_judged(trained):
    workspace, molecules, _ = trained
    asked = {"logp": {"min": 0, "max": 4}}
    done = GenerateCandidates(run=molecules.run_id, n=30, conditions=asked).run(workspace)
    run = Run.open(done.run_id, workspace)
    told = [float(row["asked_logp"]) for row in rows(run)]
    assert len(set(told)) == 30
    assert 0 <= min(told) < 1
    assert 3 < max(told) <= 4
    assert "R²" in done.sentences[1]
    assert {"figures/asked.png", "report.html"} <= set(done.files)
    judged = EvaluateCandidates(candidates=done.run_id).run(workspace)
    found = {one.name: one.value for one in judged.measures}
    described = [row for row in rows(Run.open(judged.run_id, workspace)) if row["logp"]]
    asked_for, got = (np.array([float(row[name]) for row in described]) for name in ("asked_logp", "logp"))
    for name, value in heeded(asked_for, got).items():
        assert name == "n" or found[f"{name.replace('mae', 'error')}_logp"] == pytest.approx(value, abs=1e-4)
    assert 0 <= found["satisfied_logp"] <= 1
    assert "figures/asked.png" in judged.files
    again = GenerateCandidates(run=molecules.run_id, n=30, conditions=asked).run(workspace)
    assert rows(Run.open(again.run_id, workspace)) == rows(run)
    with pytest.raises(ScitrainError, match="likeliest of one value"):
        GenerateCandidates(run=molecules.run_id, conditions=asked, beams=4).run(workspace)


def test_generators_and_draws_have_pages_that_stand_alone(trained):
    workspace, molecules, formulas = trained
    for source, drawing in ((molecules, "Draws"), (formulas, "Elements")):
        assert "report.html" in source.files
        done = GenerateCandidates(run=source.run_id, n=5, max_minutes=0.5).run(workspace)
        for one, words in ((source, "How to go on"), (done, "evaluate_candidates judges them")):
            page = (workspace.runs / one.run_id / "report.html").read_text(encoding="utf-8")
            assert words in page
            assert f"<h3>{drawing}" in page or one is done
            assert "http" not in page.replace("http-equiv", "")
    assert {"figures/asked.png", "figures/molecules.png"} <= set(molecules.files)


@pytest.mark.parametrize("n", [0, -1])
def test_no_candidates_cannot_be_asked_for(n):
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        GenerateCandidates(run="train_generator-20260101T120000-0a1b2c3d", n=n)


def test_a_run_without_a_generator_is_refused(trained):
    workspace, molecules, _ = trained
    done = GenerateCandidates(run=molecules.run_id, n=1).run(workspace)
    with pytest.raises(RunStateError, match="holds no generator"):
        GenerateCandidates(run=done.run_id, n=1).run(workspace)


def test_a_prefix_nobody_learned_is_refused_with_its_token(trained):
    workspace, _, formulas = trained
    with pytest.raises(ScitrainError, match="which no training string has"):
        GenerateCandidates(run=formulas.run_id, n=1, prefix="Og").run(workspace)


def test_a_generator_tuned_on_one_string_draws_it(trained):
    workspace, molecules, _ = trained
    generator = load(Run.open(molecules.run_id, workspace))
    before = generator.tune(["CCO"] * 8, {"logp": [0.0] * 8}, Tuning(epochs=1, learning_rate=0.0))
    after = generator.tune(["CCO"] * 8, {"logp": [0.0] * 8}, Tuning(epochs=30, learning_rate=3e-3, batch_size=8))
    assert after < 0.5 * before
    drawn = generator.candidates(16, sampling=Sampling(temperature=0.2))
    assert sum(one.key == "CCO" for one in drawn) > 8


@pytest.mark.parametrize(
    ("family", "data"),
    [("composition_diffusion", "builtin:formation-enthalpy"), ("molecule_diffusion", "builtin:nci-molecules")],
)
def test_diffusion_always_ends_as_a_formula_or_a_molecule(workspace, family, data, strange_numbers):
    trained = TrainGenerator(data=data, family=family, **SMALL).run(workspace)
    generator = load(Run.open(trained.run_id, workspace))
    found = generator.candidates(24, sampling=Sampling(steps=5))
    assert all(one.key for one in found)
    assert [one.key for one in generator.candidates(24, sampling=Sampling(steps=5))] == [one.key for one in found]
    with pytest.raises(ScitrainError, match="for language models"):
        generator.candidates(2, sampling=Sampling(beams=4))
    run = Run.open(trained.run_id, workspace)
    card, decoder = (run.path / "MODEL_CARD.md").read_text(encoding="utf-8"), "results/decoder_training_log.json"
    decoded = family == "molecule_diffusion"
    assert ("Training of the decoder" in card) == ("Every SELFIES is a molecule" in card) == decoded
    files = [*card_files(run), *([run.read_json(decoder)] if decoded else [])]
    assert strange_numbers(run.path / "MODEL_CARD.md", files) == set()


def test_data_that_hold_neither_molecules_nor_formulas_are_refused(workspace, tmp_path):
    table = tmp_path / "words.csv"
    table.write_text("word,number\n" + "\n".join(f"thing number {i},{i}" for i in range(30)), encoding="utf-8")
    with pytest.raises(DataError, match="no column holds SMILES or formulas"):
        TrainGenerator(data=str(table)).run(workspace)


def test_rows_that_are_no_molecules_are_listed_and_no_condition_is_guessed(workspace, tmp_path):
    texts = ["CCO", "CCN", "CCC", "CCCl", "c1ccccc1", "CC(C)O", "CC#N", "OCCO", "CCBr", "CCS", "CCOC"]
    bad = ["", "C1CC", "C" * 5000, "😀", "CC(", "Xx"]
    table = tmp_path / "molecules.csv"
    table.write_text("smiles,gap\n" + "\n".join(f"{t},{i}" for i, t in enumerate([*texts, *bad])), encoding="utf-8")
    done = TrainGenerator(
        data=str(table), inputs="smiles", modality="smiles", conditions=["gap"], **{**SMALL, "max_rows": None}
    ).run(workspace)
    run = Run.open(done.run_id, workspace)
    assert run.read_json("results/generator.json")["data"]["rows_rejected"] >= 5
    assert (run.path / "results/rejected.csv").is_file()
    with pytest.raises(UnknownNameError, match="no column or calculated property named 'gapp'"):
        TrainGenerator(data=str(table), conditions=["gapp"]).run(workspace)
    with pytest.raises(ScitrainError, match="writes formula strings"):
        TrainGenerator(data=str(table), family="matgpt").run(workspace)


def test_a_condition_with_one_value_teaches_nothing(workspace, tmp_path):
    table = tmp_path / "same.csv"
    table.write_text(
        "formula,gap\n" + "\n".join(f"Li{i}O{j},1.0" for i in range(1, 5) for j in range(1, 5)), encoding="utf-8"
    )
    with pytest.raises(ScitrainError, match="distinct value"):
        TrainGenerator(data=str(table), conditions=["gap"]).run(workspace)


def test_a_copied_run_draws_the_same(trained, tmp_path):
    """A run that was copied elsewhere is whole: nothing of it points back."""
    workspace, _, formulas = trained
    other = Workspace(tmp_path / "other")
    other.runs.mkdir(parents=True)
    shutil.copytree(workspace.runs / formulas.run_id, other.runs / formulas.run_id)
    here, there = (load(Run.open(formulas.run_id, w)).candidates(8) for w in (workspace, other))
    assert here == there
    assert np.mean([bool(one.key) for one in here]) > 0.5


def test_where_nothing_is_found_nothing_is_to_be_judged(trained):
    workspace, molecules, _ = trained
    done = GenerateCandidates(run=molecules.run_id, n=1, prefix="C)", batch_size=4).run(workspace)
    assert (done.found, done.candidates) == (0, [])
    assert "no SMILES" in done.summary()
    assert "nothing to judge" in done.next_step
    assert "leave out or change" in done.next_step
