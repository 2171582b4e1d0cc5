import json

import pytest

from scitrain.errors import RunStateError
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
