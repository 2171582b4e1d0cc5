import pytest

from scitrain.errors import DataError
from scitrain.executors import EXECUTORS
from scitrain.runs import Run, run_ids

INLINE = EXECUTORS["inline"]


def test_inline_has_ended_when_it_answers(tiny, workspace):
    started = tiny.TinyJob().start(workspace, INLINE)
    assert started.status == "completed"
    assert not INLINE.alive(Run.open(started.run_id, workspace))


def test_what_a_job_raises_is_raised_here_and_recorded(tiny, workspace):
    with pytest.raises(DataError, match="column 'x'"):
        tiny.TinyJob(does="refuse").start(workspace, INLINE)
    (run_id,) = run_ids(workspace)
    assert Run.open(run_id, workspace).record().status == "failed"


def test_run_hands_back_the_result_and_tells_its_progress(tiny, workspace):
    told = []
    result = tiny.TinyJob().run(workspace, told.append)
    assert result.next_step == "celebrate()"
    assert [step.stage for step in told] == ["work"]
    assert Run.open(result.run_id, workspace).record().executor == "inline"


def test_a_quick_job_is_executed_at_once_whatever_the_executor(tiny, workspace):
    result = tiny.TinyJob(quick=True).start(workspace, EXECUTORS["local"])
    assert type(result) is tiny.TinyResult
    assert Run.open(result.run_id, workspace).record().status == "completed"


def test_control_c_is_a_cancel(tiny, workspace, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tiny.TinyJob, "_return", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tiny.TinyJob().run(workspace)
    (run_id,) = run_ids(workspace)
    assert Run.open(run_id, workspace).record().status == "cancelled"
