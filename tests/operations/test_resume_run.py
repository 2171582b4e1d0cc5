import pytest

from scitrain.contracts import Executor
from scitrain.errors import DataError, UnknownNameError
from scitrain.operations.resume_run import ResumeRun
from scitrain.runs import Run


class Shelf(Executor):
    """Keeps what it is given."""

    name = "inline"

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def submit(self, run):
        self.runs.append(run)

    def cancel(self, run):
        raise NotImplementedError

    def alive(self, run):
        return True


@pytest.fixture
def cancelled(tiny, workspace):
    def make(**options):
        run = tiny.TinyJob(**options).create(workspace)
        run.end("cancelled", error="stopped")
        run.release()
        return run

    return make


def test_a_run_goes_on_here_under_its_own_id(cancelled, workspace):
    run, told = cancelled(), []
    found = ResumeRun(run_id=run.id).run(workspace, told.append)
    assert (found.run_id, found.status, found.next_step) == (run.id, "completed", "celebrate()")
    assert [step.stage for step in told] == ["queued", "work"]
    record = run.record()
    assert (record.error, record.status) == (None, "completed")


def test_through_an_executor_it_is_queued_and_claimed(cancelled, workspace):
    run, shelf = cancelled(), Shelf()
    found = ResumeRun(run_id=run.id).start(workspace, shelf)
    assert found.status == "queued"
    assert found.next_step == f"get_run(run_id='{run.id}', wait_s=45)"
    assert [one.id for one in shelf.runs] == [run.id]
    assert run.alive()


def test_a_quick_job_goes_on_here_even_then(cancelled, workspace):
    shelf = Shelf()
    assert ResumeRun(run_id=cancelled(quick=True).id).start(workspace, shelf).status == "completed"
    assert shelf.runs == []


def test_asking_again_while_it_is_cared_for_starts_nothing_twice(cancelled, workspace):
    run, shelf = cancelled(), Shelf()
    for _ in range(3):
        assert ResumeRun(run_id=run.id).start(workspace, shelf).status == "queued"
    assert len(shelf.runs) == 1


def test_a_completed_run_is_left_as_it_is(cancelled, workspace):
    run = cancelled()
    ResumeRun(run_id=run.id).run(workspace)
    ended = run.record().ended
    assert ResumeRun(run_id=run.id).run(workspace).status == "completed"
    assert run.record().ended == ended


def test_what_fails_again_is_told_and_recorded_again(cancelled, workspace):
    run = cancelled(does="refuse")
    with pytest.raises(DataError, match="column 'x'"):
        ResumeRun(run_id=run.id).run(workspace)
    assert run.record().status == "failed"


def test_an_operation_that_is_not_installed_is_named_and_nothing_changes(workspace):
    run = Run.create("grow_crystal", {}, workspace)
    run.end("failed")
    run.release()
    with pytest.raises(UnknownNameError, match="no operation named 'grow_crystal'"):
        ResumeRun(run_id=run.id).run(workspace)
    assert run.record().status == "failed"
