import json

import pytest

from scitrain.errors import RunStateError
from scitrain.evaluation.bootstrap import holm
from scitrain.operations.compare_runs import CompareRuns, differences
from scitrain.runs import Run


def row(name, value, low, high, **other):
    return {
        "name": name, "title": name.upper(), "target": None, "value": value, "low": low, "high": high, "level": 0.95,
        "unit": "eV", "n": 100, "split": "test", "higher_is_better": name != "rmse", "reason": None, "baselines": {},
    } | other  # fmt: skip


@pytest.fixture
def train(workspace):
    def make(rows, spec=None, tested="1,0.5,0.4\n2,0.7,0.8\n", task="regression"):
        run = Run.create("train_model", {"data": "a.csv"} | (spec or {}), workspace)
        content = {"primary": "rmse", "task": task, "targets": [{"name": "gap"}], "metrics": rows}
        run.write_json("results/metrics.json", content)
        if tested:
            run.file("results/predictions.csv").write_text(f"row,gap,gap_predicted\n{tested}")
        run.end("completed")
        return run

    return make


def compare(workspace, *runs):
    return CompareRuns(runs=[run.id for run in runs]).run(workspace)


def test_runs_stand_side_by_side_with_intervals_and_a_figure(workspace, train):
    one = train([row("r2", 0.8, 0.7, 0.9), row("rmse", 0.50, 0.45, 0.55)], {"model": {"family": "mlp", "width": 256}})
    two = train([row("r2", 0.9, 0.8, 1.0), row("rmse", 0.30, 0.25, 0.35)], {"model": {"family": "mlp", "width": 64}})
    found = compare(workspace, one, two)
    assert [metric.name for metric in found.metrics] == ["rmse", "r2"]
    rmse, r2 = found.metrics
    assert (rmse.best, rmse.clear) == (two.id, True)
    assert (r2.best, r2.clear) == (two.id, False)
    assert (rmse.runs[one.id].low, rmse.runs[one.id].high) == (0.45, 0.55)
    assert found.differences == {"model.width": {one.id: 256, two.id: 64}}
    run = Run.open(found.run_id, workspace)
    assert run.record().parents == [one.id, two.id]
    assert (run.path / "figures/comparison.png").read_bytes().startswith(b"\x89PNG")
    assert run.read_json("results/comparison.json")["primary"] == "rmse"
    assert "figures/comparison.png" in found.summary()
    json.dumps(found.model_dump(mode="json"), allow_nan=False)


def test_runs_tested_on_the_same_rows_draw_no_warning_about_them(workspace, train):
    rows = [row("rmse", 0.5, 0.4, 0.6)]
    notes = compare(workspace, train(rows), train(rows, tested="1,0.5,0.9\n2,0.7,0.1\n")).notes
    assert not [note for note in notes if "rows" in note]


@pytest.mark.parametrize(
    ("tested", "said"),
    [("3,0.5,0.4\n", "tested on different rows"), ("1,0.6,0.4\n2,0.7,0.8\n", "different"), ("", "not known")],
)
def test_runs_tested_on_other_rows_come_with_a_warning(workspace, train, tested, said):
    rows = [row("rmse", 0.5, 0.4, 0.6)]
    assert any(said in note for note in compare(workspace, train(rows), train(rows, tested=tested)).notes)


def test_what_only_one_run_has_is_not_compared(workspace, train):
    found = compare(
        workspace,
        train([row("rmse", 0.5, 0.4, 0.6), row("mae", 1, 1, 1), row("rmse", 9, 9, 9, split="val")]),
        train([row("rmse", 0.5, 0.4, 0.6), row("rmse", 1, 1, 1, target="gap")]),
    )
    assert [(metric.name, metric.target) for metric in found.metrics] == [("rmse", None)]


def test_an_undefined_value_is_shown_with_its_reason_and_never_best(workspace, train):
    one = train([row("auroc", None, None, None, reason="one class only")])
    two = train([row("auroc", 0.5, 0.4, 0.6)])
    (metric,) = compare(workspace, one, two).metrics
    assert (metric.best, metric.clear) == (two.id, False)
    assert metric.runs[one.id].reason == "one class only"


def rows_of(predictions, start=1):
    return "".join(f"{start + i},{i / 10},{value}\n" for i, value in enumerate(predictions))


def test_the_best_is_paired_with_each_other_on_the_rows_they_share(workspace, train):
    truth = [i / 10 for i in range(40)]
    # errors of alternating sign: RMSE 0.1, 0.5, and 0.1 again
    good = [y + 0.1 * (-1) ** i for i, y in enumerate(truth)]
    bad = [y + 0.5 * (-1) ** i for i, y in enumerate(truth)]
    one = train([row("rmse", 0.1, 0.0, 0.9)], tested=rows_of(good))
    two = train([row("rmse", 0.5, 0.0, 0.9)], tested=rows_of(bad))
    same = train([row("rmse", 0.2, 0.0, 0.9)], tested=rows_of(good))
    found = compare(workspace, one, two, same)
    worse, equal = found.pairs
    assert (worse.best, worse.other, worse.n) == (one.id, two.id, 40)
    assert worse.improvement == pytest.approx(0.4)
    assert worse.p == pytest.approx(2 * 2 / 2001)  # no resample beyond zero, of 2,000; two pairs (Holm)
    assert (equal.improvement, equal.p) == (0.0, 1.0)
    assert found.figures == ["figures/comparison.png", "figures/differences.png"]
    assert (Run.open(found.run_id, workspace).path / "figures/differences.png").read_bytes().startswith(b"\x89PNG")
    assert f"{one.id} against {two.id}: improvement 0.4" in found.summary()
    assert any("found by these very test rows" in note for note in found.notes)


def test_runs_that_share_some_rows_are_paired_on_these(workspace, train):
    numbers = [i / 10 + 0.1 for i in range(30)]
    part = "".join(f"{i + 11},{(i + 10) / 10},{(i + 10) / 10 + 0.3}\n" for i in range(30))
    one, two = (train([row("rmse", v, 0, 1)], tested=t) for v, t in ((0.1, rows_of(numbers)), (0.3, part)))
    (pair,) = compare(workspace, one, two).pairs
    assert pair.n == 20
    assert pair.improvement == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("tested", "data", "said"),
    [
        (rows_of([0.1] * 20, start=100), None, "0 shared test rows"),
        ("", None, "no results/predictions.csv"),
        (rows_of([0.1] * 20), "other", "different data"),
    ],
)
def test_runs_without_common_rows_say_why_they_are_not_paired(workspace, train, tested, data, said):
    one = train([row("rmse", 0.1, 0, 1)], tested=rows_of([0.1] * 20))
    two = train([row("rmse", 0.3, 0, 1)], tested=tested)
    for run, fingerprint in ((one, "same"), (two, data or "same")):
        run.write_json("results/data.json", {"fingerprint": fingerprint})
    (pair,) = compare(workspace, one, two).pairs
    assert (pair.improvement, pair.p) == (None, None)
    assert said in pair.reason


@pytest.mark.parametrize(
    ("task", "metric", "header"), [("binary", "auroc", "p_1"), ("multiclass", "balanced_accuracy", "p_0,p_1")]
)
def test_classifiers_are_paired_by_their_probabilities(workspace, task, metric, header):
    def run(shares):
        made = Run.create("train_model", {"data": "a.csv"}, workspace)
        targets = [{"name": "t", "classes": ["0", "1"]}]
        value = {"primary": metric, "task": task, "targets": targets, "metrics": [row(metric, sum(shares), 0, 1)]}
        made.write_json("results/metrics.json", value)
        cells = [f"{1 - p},{p}" if task == "multiclass" else f"{p}" for p in shares]
        lines = [f"{i},{i % 2},{'x'},{cell}" for i, cell in enumerate(cells)]
        head = f"row,t,t_predicted,{header.replace('p_', 't_probability_')}"
        made.file("results/predictions.csv").write_text("\n".join([head, *lines]) + "\n")
        return made

    right, wrong = run([0.2 + 0.7 * (i % 2) for i in range(40)]), run([0.2 + 0.1 * (i % 3) for i in range(40)])
    (pair,) = compare(workspace, right, wrong).pairs
    assert pair.n == 40
    assert pair.improvement == pytest.approx(0.5, abs=0.1)
    assert pair.p == pytest.approx(2 / 2001)


def test_holm_corrects_by_the_number_of_pairs_that_are_left():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_runs_of_different_tasks_share_nothing_to_compare(workspace, train):
    with pytest.raises(RunStateError, match="share no metric; compare runs of one task"):
        compare(workspace, train([row("rmse", 1, 1, 1)]), train([row("auroc", 1, 1, 1)], task="binary"))


def test_runs_without_metrics_are_all_named(workspace, train):
    good = train([row("rmse", 1, 1, 1)])
    bad = [Run.create("predict", {}, workspace) for _ in range(2)]
    with pytest.raises(RunStateError, match=rf"{bad[0].id} \(queued\), {bad[1].id} \(queued\)"):
        compare(workspace, good, *bad)


def test_a_run_named_twice_is_refused(workspace, train):
    good = train([row("rmse", 1, 1, 1)])
    with pytest.raises(RunStateError, match="more than once"):
        compare(workspace, good, good)


def test_differences_flatten_and_say_null_where_a_field_is_missing():
    specs = {"a": {"x": 1, "m": {"k": 1, "l": [1]}}, "b": {"x": 1, "m": {"k": 2, "l": [1]}, "y": 3}}
    assert differences(specs) == {"m.k": {"a": 1, "b": 2}, "y": {"a": None, "b": 3}}
