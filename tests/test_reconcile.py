from scitrain.reconcile import current, reconcile
from scitrain.runs import Run, run_ids


def test_only_runs_whose_process_is_gone_are_marked(workspace):
    held = Run.create("a", {}, workspace)
    lost = [Run.create("a", {}, workspace) for _ in range(2)]
    lost[1].update(status="running")
    ended = Run.create("a", {}, workspace)
    ended.end("completed")
    for run in (*lost, ended):
        run.release()
    assert sorted(reconcile(workspace)) == sorted(run.id for run in lost)
    assert [run.record().status for run in (held, *lost, ended)] == [
        "queued",
        "interrupted",
        "interrupted",
        "completed",
    ]


def test_a_run_of_an_executor_that_is_not_installed_is_left_alone(workspace):
    run = Run.create("a", {}, workspace, executor="elsewhere")
    run.release()
    assert current(run).status == "queued"
    assert reconcile(workspace) == []


def test_a_damaged_or_unfinished_run_directory_stops_nothing(workspace):
    broken, empty, lost = (Run.create("a", {}, workspace) for _ in range(3))
    (broken.path / "run.json").write_text("{")
    (empty.path / "run.json").unlink()
    lost.release()
    assert reconcile(workspace) == [lost.id]
    assert len(run_ids(workspace)) == 3


def test_a_worker_that_ended_properly_in_the_meantime_is_believed(workspace, monkeypatch):
    run = Run.create("a", {}, workspace)
    run.release()
    stale = run.record()
    run.update(status="completed")
    records = iter([stale])
    real = Run.record
    monkeypatch.setattr(Run, "record", lambda self: next(records, None) or real(self))
    assert current(run).status == "completed"


def test_an_empty_workspace_has_nothing_to_reconcile(workspace):
    assert reconcile(workspace) == []
