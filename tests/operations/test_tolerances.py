"""Candidates are kept to what was asked of them."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from scitrain.chem.calculated import calculate
from scitrain.errors import ScitrainError
from scitrain.generation import probing
from scitrain.generation.conditions import Condition
from scitrain.generation.generator import Candidate, load
from scitrain.generation.goals import Goal
from scitrain.generation.tolerance import meets, tolerances_of
from scitrain.operations.generate_candidates import GenerateCandidates
from scitrain.operations.train_generator import TrainGenerator
from scitrain.runs import Run
from scitrain.workflow import finish_generator
from scitrain.workspace import Workspace


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a workspace with a generator of molecules that was taught logP."""
    workspace = Workspace(tmp_path_factory.mktemp("tolerances"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finish_generator, "SAMPLED", 60)
        patch.setattr(finish_generator, "EACH", 4)
        patch.setattr(probing, "SAMPLE", 16)
        asked = {"layers": 1, "width": 32, "epochs": 2, "max_rows": 150, "batch_size": 32}
        return workspace, TrainGenerator(data="builtin:nci-molecules", conditions=["logp"], **asked).run(workspace)


def rows(run):
    with (run.path / "results/candidates.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_tolerance_keeps_what_is_near_enough_to_what_was_asked(trained):
    workspace, molecules = trained
    asked = {"run": molecules.run_id, "n": 5, "conditions": {"logp": {"value": 1.5, "tolerance": 0.8}}}
    done = Run.open(GenerateCandidates(**asked).run(workspace).run_id, workspace)
    values = calculate([row["candidate"] for row in rows(done)], ["logp"])[:, 0]
    assert len(values) == 5
    assert np.abs(values - 1.5).max() <= 0.8
    facts = done.read_json("results/generation.json")
    assert facts["rejected"]["too far from what was asked"] > 0
    assert facts["drawn"] == facts["found"] + sum(facts["rejected"].values())


def test_where_no_tolerance_is_named_half_the_spread_of_the_training_rows_is_kept_to(trained):
    workspace, molecules = trained
    done = Run.open(
        GenerateCandidates(run=molecules.run_id, n=5, conditions={"logp": 1.5}).run(workspace).run_id, workspace
    )
    [logp] = [one for one in load(Run.open(molecules.run_id, workspace)).config.conditions if one.name == "logp"]
    values = calculate([row["candidate"] for row in rows(done)], ["logp"])[:, 0]
    assert np.abs(values - 1.5).max() <= logp.scale / 2
    [told] = [one for one in done.record().decisions if one.what == "tolerance of logp"]
    assert told.value == pytest.approx(logp.scale / 2, rel=0.01)


def test_each_of_several_asked_values_is_kept_to():
    logp = Condition(name="logp", mean=1.0, scale=2.0, low=-3.0, high=5.0, calculated=True)
    near = meets("smiles", [logp], {"logp": Goal(min=-1.0, max=3.0)})
    [ethanol] = calculate(["CCO"], ["logp"])[0]
    asked = [(ethanol + miss - logp.mean) / logp.scale for miss in (-0.99, 0.99, -1.01, 1.01)]
    one = Candidate("CCO", "CCO", "", True, None)
    assert [near(replace(one, told=(value,))) for value in asked] == [True, True, False, False]


def test_what_no_draw_comes_near_to_is_told_with_what_helps(trained):
    workspace, molecules = trained
    asked = {
        "run": molecules.run_id,
        "n": 2,
        "batch_size": 4,
        "conditions": {"logp": {"value": 6.0, "tolerance": 1e-9}},
    }
    done = GenerateCandidates(**asked).run(workspace)
    assert done.found == 0
    assert "draws missed what was asked" in done.warnings[-1]
    assert "name a larger tolerance" in done.warnings[-1]


def test_a_tolerance_of_nothing_is_refused(trained):
    _, molecules = trained
    with pytest.raises(ValidationError, match="greater than 0"):
        GenerateCandidates(run=molecules.run_id, conditions={"logp": {"value": 1.0, "tolerance": 0.0}})


def test_a_tolerance_of_what_nobody_can_calculate_is_refused():
    measured = Condition(name="activity", mean=0.0, scale=1.0, low=-1.0, high=1.0)
    with pytest.raises(ScitrainError, match="learned from a column"):
        tolerances_of([measured], {"activity": Goal(value=0.5, tolerance=0.1)})
    assert tolerances_of([measured], {"activity": Goal(value=0.5)}) == {}
