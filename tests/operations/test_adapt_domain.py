"""adapt_domain as a request: what it says, what the network can do afterwards, and what makes no sense."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

import scitrain
from scitrain.contracts.operation import job_of
from scitrain.errors import DataError, ScitrainError
from scitrain.runs import Run, run_ids
from scitrain.workspace import Workspace

MLP = {"family": "mlp", "widths": [12], "norm": "none", "dropout": 0.0}


def rows(n, seed, shift, label=True):
    x = np.random.default_rng(seed).normal(size=(n, 3))
    y = x[:, 0] - x[:, 1]
    x[:, 2] += shift
    return [f"{a:.4f},{b:.4f},{c:.4f},{t:.4f}" if label else f"{a:.4f},{b:.4f},{c:.4f},"
            for (a, b, c), t in zip(x, y, strict=True)]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a workspace with a source and a target."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    for name, lines in (("s", rows(120, 1, 0)), ("t", rows(120, 2, 4)), ("bare", rows(60, 3, 4, label=False))):
        (workspace.root / f"{name}.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")
    return workspace


def adapt(place, **request):
    asked = {"data": "s.csv", "target_data": "t.csv", "target": "y", "unit": "eV", "model": MLP, "ensemble": 1}
    done = scitrain.AdaptDomain(**{**asked, "epochs": 4, "export": [], **request}).run(place)
    return done, Run.open(done.run_id, place)


def arms_of(run):
    """Return what is known of each way of training but its time."""
    arms = run.read_json("results/adaptation.json")["arms"]
    return {row["name"]: {key: row[key] for key in row if key != "seconds"} for row in arms}


@pytest.fixture(scope="module")
def adapted(place):
    """Return a run in which two methods were tried."""
    return adapt(place, methods=["coral", "mmd"], weight=2, export=["onnx"])


def test_it_says_whether_adapting_helps_and_the_network_is_a_run_like_any_other(place, adapted):
    done, run = adapted
    told = run.read_json("results/adaptation.json")
    arms = {row["name"]: row for row in told["arms"]}
    assert list(arms) == ["source-only", "coral", "mmd", "oracle"]
    kept = arms[told["kept"]]
    own = {row["name"]: row for row in run.read_json("results/metrics.json")["metrics"] if row["split"] == "test"}
    assert kept["test"] == pytest.approx(own["rmse"]["value"], rel=1e-5)
    assert kept["gain"] == pytest.approx(arms["source-only"]["test"] - kept["test"])
    assert kept["gain_low"] <= kept["gain"] <= kept["gain_high"]
    assert told["n"] == own["rmse"]["n"] == 48
    assert 0 <= kept["proxy_a_distance"] <= 2
    word = {"beats": "beats source-only", "cannot_tell": "includes zero", "does_not_beat": "it is worse"}
    assert word[told["outcome"]] in told["sentences"][0]
    assert done.sentences == told["sentences"]
    [said] = [d for d in run.record().decisions if d.what == "method"]
    assert said.value == told["kept"]
    assert "no label of the target was looked at" in said.why
    card = (run.path / "MODEL_CARD.md").read_text()
    assert "Adapted from s.csv to t.csv: 72 rows of the target without their labels, 48 test rows" in card
    assert "calibrated on validation rows of the source" in card
    for name in ("adaptation", "domains", "dl_learning_curve"):
        assert (run.path / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")
    json.dumps(done.model_dump(mode="json"), allow_nan=False)
    assert scitrain.Predict(run=run.id, inputs=[{"a": 1, "b": 2, "c": 3}]).run(place).errors == 0
    judged = scitrain.EvaluateModel(run=run.id).run(place)
    assert judged.metrics[0].value == pytest.approx(own["rmse"]["value"], rel=1e-5)
    assert judged.rows == 48


def test_an_adaptation_that_goes_on_repeats_what_it_would_have_been(adapted):
    first, run = adapted
    before = arms_of(run), run.read_json("results/metrics.json")
    run.claim()
    run.update(status="interrupted", result=None)
    for name in ("results/adaptation.json", "models/weights.safetensors", "models/config.json"):
        (run.path / name).unlink()
    second = job_of(run).execute_recorded(run)
    assert second.sentences == first.sentences
    assert (arms_of(run), run.read_json("results/metrics.json")) == before


def test_the_labels_of_the_target_teach_nothing_but_the_oracle(place, adapted):
    """Labels that are wrong wherever nothing is measured change no number but the oracle's."""
    _, run = adapted
    test = {int(line.split(",")[0]) for line in (run.path / "results/predictions.csv").read_text().splitlines()[1:]}
    lines = (place.root / "t.csv").read_text().splitlines()
    wrong = [line if i in test else line.rpartition(",")[0] + f",{i % 9}" for i, line in enumerate(lines[1:], start=1)]
    (place.root / "wrong.csv").write_text("\n".join([lines[0], *wrong]) + "\n")
    other = adapt(place, methods=["coral", "mmd"], weight=2, target_data="wrong.csv")[1]
    arms = [arms_of(one) for one in (run, other)]
    assert {name for name in arms[0] if arms[0][name] != arms[1][name]} == {"oracle"}


def test_a_target_without_labels_is_adapted_to_and_nothing_is_claimed(place):
    done, run = adapt(place, target_data="bare.csv", methods=["dann"])
    told = run.read_json("results/adaptation.json")
    assert told["outcome"] == "not_measured"
    assert [row["name"] for row in told["arms"]] == ["source-only", "dann"]
    assert all(row["test"] is None for row in told["arms"])
    assert "cannot be told: the target has no labels" in done.sentences[0]
    assert not (run.path / "figures/adaptation.png").exists()
    assert done.metrics[0].n == 12


def test_classes_of_one_file_with_a_column_of_domains(place):
    lines = [
        f"{row.rpartition(',')[0]},{'up' if float(row.rpartition(',')[2]) > 0 else 'down'},{where}"
        for where, seed, shift in (("lab", 5, 0), ("field", 6, 3))
        for row in rows(80, seed, shift)
    ]
    (place.root / "one.csv").write_text("\n".join(["a,b,c,kind,where", *lines]) + "\n")
    request = {"data": "one.csv", "target_data": None, "domain": "where", "target_domain": "field", "target": "kind"}
    done, run = adapt(place, **request, unit=None, methods=["dann"])
    told = run.read_json("results/adaptation.json")
    assert (done.task, told["target"], told["higher_is_better"]) == ("binary", "one.csv (where: field)", True)
    assert scitrain.EvaluateModel(run=run.id).run(place).rows == told["n"]


@pytest.mark.parametrize(
    ("request_", "error", "said"),
    [
        ({"target_data": "nowhere.csv"}, ScitrainError, "no file or folder"),
        ({"target_data": "s.csv"}, DataError, "has the very content of data"),
        ({"refit": True}, ScitrainError, "leave it out"),
        ({"devices": 2}, ScitrainError, "one process; leave devices out"),
        ({"split": "kfold"}, DataError, "folds divide one domain"),
    ],
)
def test_what_makes_no_sense_is_refused_before_there_is_a_run(place, request_, error, said):
    before = run_ids(place)
    with pytest.raises(error, match=said):
        adapt(place, **request_)
    assert run_ids(place) == before


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({}, "say the target domain in one way"),
        ({"target_data": "t.csv", "domain": "d"}, "say the target domain in one way"),
        ({"target_data": "t.csv", "target_domain": "x"}, "give domain too"),
        ({"target_data": "t.csv", "methods": ["adda"]}, "'dann', 'coral' or 'mmd'"),
        ({"target_data": "t.csv", "methods": []}, "at least 1 item"),
    ],
)
def test_a_request_that_names_no_domain_or_an_unknown_method_is_refused(request_, said):
    with pytest.raises(ValidationError, match=said):
        scitrain.AdaptDomain(data="s.csv", target="y", **request_)
