import json
import threading

import pytest
from pydantic import ValidationError

from scitrain.errors import RunNotFoundError
from scitrain.operations.get_run import GetRun
from scitrain.runs import Run

ROW = {
    "title": "RMSE",
    "target": None,
    "low": 0.5,
    "high": 0.7,
    "level": 0.95,
    "unit": "log mol/L",
    "n": 113,
    "split": "test",
    "higher_is_better": False,
    "reason": None,
    "baselines": {},
}


@pytest.fixture
def run(workspace):
    return Run.create("train_model", {"data": "a.csv"}, workspace)


def look(run, **options):
    return GetRun(run_id=run.id, **options).run(run.workspace)


def test_a_run_at_work_tells_its_progress_and_how_to_follow_it(run):
    run.update(status="running")
    run.progress("train", 3, 50, "validation loss 0.41")
    found = look(run)
    assert (found.status, found.metrics, found.error) == ("running", [], None)
    assert found.progress is not None
    assert (found.progress.stage, found.progress.done, found.progress.total) == ("train", 3, 50)
    assert found.next_step == f"get_run(run_id='{run.id}', wait_s=45)"
    assert "train 3/50: validation loss 0.41" in found.summary()


def test_a_run_whose_numbers_are_written_and_that_is_not_done_tells_them(run):
    simple = {
        "ridge": {"value": 0.7, "low": 0.6, "high": 0.8, "difference": 0.1},
        "mean": {"value": None, "reason": "all alike"},
    }
    rows = [{"name": "rmse", "value": 0.61} | ROW | {"baselines": simple}]
    run.write_json("results/metrics.json", {"primary": "rmse", "metrics": rows, "verdict": None})
    run.update(status="running")
    found = look(run)
    assert found.metrics[0].baselines == {"ridge": 0.7, "mean": None}
    assert found.next_step == f"get_run(run_id='{run.id}', wait_s=45)"


def test_a_completed_run_tells_numbers_files_figures_and_its_own_next_step(run):
    run.write_json("results/metrics.json", {"primary": "rmse", "metrics": [
        {"name": "mae", "value": 0.4} | ROW | {"title": "MAE"},
        {"name": "rmse", "value": 0.3} | ROW | {"split": "val"},
        {"name": "rmse", "value": 0.61} | ROW | {"baselines": {"ridge": {"value": 0.9, "low": None}}},
    ], "verdict": {"sentence": "The network beats the best baseline."}})  # fmt: skip
    run.file("figures/parity.png").write_bytes(b"png")
    run.end("completed", result={"next_step": "predict(…)"})
    found = look(run)
    assert [(m.name, m.value, m.low, m.high) for m in found.metrics] == [
        ("rmse", 0.61, 0.5, 0.7),
        ("mae", 0.4, 0.5, 0.7),
    ]
    assert found.metrics[0].baselines == {"ridge": 0.9}
    assert found.verdict == "The network beats the best baseline."
    assert found.figures == ["figures/parity.png"]
    assert {file.path: file.bytes for file in found.artifacts}["figures/parity.png"] == 3
    assert (found.next_step, found.progress, found.folder) == ("predict(…)", None, str(run.path))
    assert "test RMSE: 0.61 [0.5, 0.7] log mol/L, n = 113" in found.summary()
    json.dumps(found.model_dump(mode="json"), allow_nan=False)


def test_the_metrics_of_the_result_are_told_where_there_are_some(run):
    told = {"name": "auroc", "value": 0.9} | ROW
    run.end("completed", result={"metrics": [told], "verdict": "It cannot be told."})
    found = look(run)
    assert [m.name for m in found.metrics] == ["auroc"]
    assert found.verdict == "It cannot be told."


@pytest.mark.parametrize(
    ("status", "word"), [("failed", "mend"), ("cancelled", "resume_run"), ("interrupted", "resume_run")]
)
def test_a_run_that_ended_short_says_why_and_what_to_do(run, status, word):
    run.end(status, error="the reason")
    found = look(run)
    assert (found.status, found.error) == (status, "the reason")
    assert found.next_step.startswith(word)
    assert "the reason" in found.summary()


def test_a_lost_process_is_seen_here(run):
    run.update(status="running")
    run.release()
    assert look(run).status == "interrupted"
    assert Run.open(run.id, run.workspace).record().status == "interrupted"


def test_a_lost_process_is_told_even_where_it_cannot_be_written(run, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    run.release()
    monkeypatch.setattr("os.fsync", full)
    found = look(run)
    assert found.status == "interrupted"
    assert "resume_run" in (found.error or "")


def test_waiting_for_an_ended_run_answers_at_once(run):
    run.end("completed")
    assert look(run, wait_s=45).status == "completed"


def test_waiting_ends_with_the_run_and_tells_the_steps_meanwhile(run):
    run.update(status="running")
    run.progress("train", 1, 2)
    told, first = [], threading.Event()

    def on_progress(step):
        told.append(step.done)
        first.set()

    def work():
        first.wait(30)
        run.end("completed")

    worker = threading.Thread(target=work)
    worker.start()
    found = GetRun(run_id=run.id, wait_s=45).run(run.workspace, on_progress)
    worker.join()
    assert found.status == "completed"
    assert told == [1]


def test_waiting_no_longer_than_asked_answers_the_state_then(run):
    run.update(status="running")
    assert look(run, wait_s=0.01).status == "running"


def test_waiting_longer_than_clients_do_is_refused():
    with pytest.raises(ValidationError, match="less than or equal to 45"):
        GetRun(run_id="x", wait_s=46)


@pytest.mark.parametrize("wait", [0, 1])
def test_an_unknown_run_is_an_error_with_or_without_waiting(workspace, wait):
    with pytest.raises(RunNotFoundError):
        GetRun(run_id="../../etc", wait_s=wait).run(workspace)
