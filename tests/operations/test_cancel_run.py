import pytest

from scitrain.errors import RunNotFoundError, UnknownNameError
from scitrain.operations.cancel_run import CancelRun
from scitrain.runs import Run


def test_it_says_that_it_may_stop_work_and_may_be_asked_twice():
    assert (CancelRun.destructive, CancelRun.idempotent, CancelRun.read_only) == (True, True, False)


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "interrupted"])
def test_a_run_that_has_ended_is_left_as_it_is(workspace, status):
    run = Run.create("train_model", {}, workspace)
    run.end(status)
    found = CancelRun(run_id=run.id).run(workspace)
    assert found.status == status
    assert f"had ended already ({status})" in found.summary()


def test_a_run_whose_process_is_gone_is_interrupted_not_cancelled(workspace):
    run = Run.create("train_model", {}, workspace)
    run.release()
    assert CancelRun(run_id=run.id).run(workspace).status == "interrupted"


def test_a_run_of_an_executor_that_is_not_installed_names_those_that_are(workspace):
    run = Run.create("train_model", {}, workspace, executor="elsewhere")
    with pytest.raises(UnknownNameError, match=r"no executor named 'elsewhere'.*inline, local"):
        CancelRun(run_id=run.id).run(workspace)


def test_an_unknown_run_is_an_error(workspace):
    with pytest.raises(RunNotFoundError):
        CancelRun(run_id="train_model-20260101T000000-00000000").run(workspace)
