import os
import signal

import pytest

from scitrain import worker
from scitrain.errors import CancelledError
from scitrain.runs import Run


@pytest.fixture
def queued(tiny, workspace):
    (workspace.root / "queue").mkdir()

    def make(**options):
        return tiny.TinyJob(**options).create(workspace, "local")

    return make


def test_a_job_that_returns_leaves_a_completed_record(queued):
    run = queued()
    assert worker.work(run) == 0
    record = run.record()
    assert (record.status, record.error) == ("completed", None)
    assert record.result is not None
    assert record.result["run_id"] == run.id
    assert record.timings["total"] >= 0
    assert record.provenance["packages"]
    assert record.decisions[0].what == "slot"
    assert not run.alive()


@pytest.mark.parametrize(
    ("does", "reason"),
    [("refuse", "column 'x' is missing; give another"), ("crash", "RuntimeError: a bug"), ("eat", "out of memory")],
)
def test_a_job_that_raises_leaves_a_failed_record_and_the_trace(queued, capfd, does, reason):
    run = queued(does=does)
    assert worker.work(run) == 1
    assert run.record().status == "failed"
    assert (run.record().error or "").startswith(reason)
    assert "Traceback" in capfd.readouterr().err


def test_a_request_that_this_version_does_not_understand_fails_with_the_field(queued, capfd):
    run = queued()
    run.update(spec={"does": "return", "colour": "red"})
    assert worker.work(run) == 1
    assert "another version of scitrain" in (run.record().error or "")
    assert "colour" in (run.record().error or "")


def test_an_operation_that_is_not_installed_fails_with_the_known_names(queued, capfd):
    run = queued()
    run.update(operation="tiny_jobb")
    worker.work(run)
    assert "did you mean 'tiny_job'" in (run.record().error or "")


def test_sigterm_in_the_job_leaves_a_cancelled_record_that_names_resume_run(queued, tiny, monkeypatch):
    monkeypatch.setattr(tiny.TinyJob, "_return", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    run = queued()
    assert worker.work(run) == 3
    assert run.record().status == "cancelled"
    assert "resume_run" in (run.record().error or "")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_sigterm_before_the_job_has_a_slot_cancels_it_too(queued, monkeypatch):
    def stopped(run: Run):
        raise CancelledError

    monkeypatch.setattr(worker, "slot", stopped)
    run = queued()
    assert worker.work(run) == 3
    assert run.record().status == "cancelled"


def test_main_works_on_the_folder_it_is_given(queued, workspace, monkeypatch):
    run = queued()
    run.release()
    assert worker.main([str(run.path)]) == 0
    assert Run.open(run.id, workspace).record().status == "completed"
