"""A chain of runs: pretrain, an intermediate task, the target; who trained whom, and what the middle is good for."""

import numpy as np
import pytest
from pydantic import ValidationError

import scitrain
from scitrain.contracts.operation import job_of
from scitrain.errors import ScitrainError
from scitrain.runs import Run, run_ids
from scitrain.workspace import Workspace

MLP = {"family": "mlp", "widths": [8], "norm": "none", "dropout": 0.0}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a workspace with three tables."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    for seed, name in enumerate(("far", "near", "target")):
        x = np.random.default_rng(seed).normal(size=(100, 2))
        lines = [f"{a:.4f},{b:.4f},{a - seed * b / 2:.4f}" for a, b in x]
        (workspace.root / f"{name}.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    return workspace


@pytest.fixture(scope="module")
def chain(place):
    """Return the pretrained run, and a run that took a run in between."""
    asked = {"target": "y", "epochs": 2, "export": []}
    first = scitrain.TrainModel(data="far.csv", model=MLP, ensemble=1, **asked).run(place)
    link = {"data": "near.csv", "target": "y", "epochs": 2, "strategy": "full"}
    request = {"data": "target.csv", "source": first.run_id, "intermediate": [link], "compare": ["full"], **asked}
    done = scitrain.FinetuneModel(**request).run(place)
    return Run.open(first.run_id, place), done, Run.open(done.run_id, place)


def test_each_link_is_a_run_whose_source_is_the_one_before(place, chain):
    first, _, last = chain
    link = Run.open(last.read_json("checkpoints/chain.json")["0"], place)
    assert link.record().operation == "finetune_model"
    assert link.record().parents == [first.id]
    assert last.record().parents == [first.id, link.id]
    assert link.record().spec["source"] == first.id
    assert link.read_json("results/transfer.json")["source"] == first.id
    assert last.read_json("results/transfer.json")["source"] == link.id
    assert scitrain.EvaluateModel(run=link.id).run(place).rows == 10


def test_the_card_tells_the_lineage_and_what_the_run_in_between_gains(place, chain):
    first, done, last = chain
    told = last.read_json("results/lineage.json")
    link = last.read_json("checkpoints/chain.json")["0"]
    assert [step["weights"] for step in told["steps"]] == [first.id, link]
    gain = told["without"]
    direct = Run.open(gain["run"], place)
    assert (direct.record().spec["source"], direct.record().spec["intermediate"]) == (first.id, [])
    values = {
        one.id: next(
            row["value"]
            for row in one.read_json("results/metrics.json")["metrics"]
            if (row["name"], row["split"]) == ("rmse", "test")
        )
        for one in (direct, last)
    }
    assert gain["gain"] == pytest.approx(values[direct.id] - values[last.id], abs=1e-4)
    assert gain["sentence"] in done.transfer
    card = (last.path / "MODEL_CARD.md").read_text()
    assert "Where the weights come from, the oldest first. The intermediate training" in card
    assert first.id in card


def test_a_chain_that_goes_on_takes_the_runs_that_are_done(place, chain):
    _, done, last = chain
    before = run_ids(place)
    last.claim()
    last.update(status="interrupted", result=None)
    again = job_of(last).execute_recorded(last)
    assert run_ids(place) == before
    assert again.transfer == done.transfer


def test_a_link_that_fails_says_which_and_why(place, chain):
    first = chain[0]
    link = {"data": "near.csv", "target": "nothing"}
    with pytest.raises(ScitrainError, match=r"intermediate 1 of 1, run finetune_model-\S+: no column named 'nothing'"):
        scitrain.FinetuneModel(data="target.csv", target="y", source=first.id, intermediate=[link]).run(place)


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ({"data": "near.csv", "source": "x"}, "begins where the one before ends"),
        ({"target": "y"}, "data"),
        ({"data": "near.csv", "strategi": "full"}, "strategi"),
    ],
)
def test_a_link_that_makes_no_sense_is_refused_when_the_request_is_made(link, said):
    with pytest.raises(ValidationError, match=said):
        scitrain.FinetuneModel(data="target.csv", source="builtin", intermediate=[link])


def test_a_link_whose_data_are_not_there_is_refused_before_there_is_a_run(place, chain):
    before = run_ids(place)
    with pytest.raises(ScitrainError, match="no file or folder"):
        scitrain.FinetuneModel(
            data="target.csv", target="y", source=chain[0].id, intermediate=[{"data": "nowhere.csv"}]
        ).run(place)
    assert run_ids(place) == before
