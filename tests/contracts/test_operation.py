import pytest
from pydantic import ValidationError

from scitrain.contracts.operation import Action, Job, JobResult, Query, Result, Started, job_of
from scitrain.errors import ScitrainError
from scitrain.executors import EXECUTORS
from scitrain.runs import Run, run_ids
from scitrain.workspace import Workspace


class Answer(Result):
    text: str


class AskThing(Query):
    """Ask."""

    word: str = "yes"

    def execute(self, workspace: Workspace) -> Answer:
        return Answer(text=self.word)


class DropThing(Action):
    """Drop."""

    def execute(self, workspace: Workspace) -> Answer:
        return Answer(text="dropped")


class MakeThing(Job):
    """Make."""

    of: str = "glass"

    def check(self, workspace: Workspace) -> None:
        if self.of == "air":
            raise ScitrainError("a thing of air does not hold; take glass")

    def parents(self) -> list[str]:
        return ["make_thing-20260101T000000-00000000"]

    def eta_s(self, workspace: Workspace) -> float:
        return 12.4

    def execute(self, run: Run) -> JobResult:
        return JobResult(next_step="use it")


class Nowhere(type(EXECUTORS["inline"])):  # type: ignore[misc]
    name = "inline"

    def submit(self, run):
        run.decide("colour", "green", "it is glass")


def test_a_name_is_the_class_name_in_snake_case():
    assert AskThing.name() == "ask_thing"


def test_the_result_type_is_what_execute_is_annotated_with():
    assert (AskThing.result_type(), MakeThing.result_type()) == (Answer, JobResult)


def test_a_query_only_reads_an_action_and_a_job_do_not():
    assert [operation.read_only for operation in (AskThing, DropThing, MakeThing)] == [True, False, False]


@pytest.mark.parametrize(("operation", "text"), [(AskThing(word="no"), "no"), (DropThing(), "dropped")])
def test_what_is_immediate_answers_the_same_run_or_started_and_leaves_no_run(workspace, operation, text):
    assert operation.run(workspace).text == text
    assert operation.start(workspace, EXECUTORS["inline"]).text == text
    assert run_ids(workspace) == []


def test_an_unknown_argument_is_refused():
    with pytest.raises(ValidationError, match="wrod"):
        AskThing.model_validate({"wrod": "no"})


def test_the_environments_workspace_is_taken_where_none_is_given(workspace):
    result = MakeThing().run()
    assert run_ids(workspace) == [result.run_id]
    record = Run.open(result.run_id, workspace).record()
    assert (record.status, record.parents) == ("completed", ["make_thing-20260101T000000-00000000"])


def test_a_job_that_is_started_tells_run_choices_duration_and_how_to_follow_it(workspace):
    started = MakeThing().start(workspace, Nowhere())
    assert isinstance(started, Started)
    assert started.eta_s == 12.4
    assert [choice.what for choice in started.decisions] == ["colour"]
    said = started.summary()
    assert f"{started.run_id} is queued, about 12 s. Next: get_run(run_id='{started.run_id}', wait_s=45)" in said
    assert "colour = green: it is glass" in said


def test_what_cannot_work_is_refused_before_there_is_a_run(workspace):
    with pytest.raises(ScitrainError, match="take glass"):
        MakeThing(of="air").start(workspace, EXECUTORS["inline"])
    assert run_ids(workspace) == []


def test_the_record_is_the_request(workspace):
    run = MakeThing(of="wood").create(workspace)
    assert job_of(Run.open(run.id, workspace)) == MakeThing(of="wood")


def test_timings_of_a_run_that_goes_on_are_added_up(workspace):
    job = MakeThing()
    run = job.create(workspace)
    run.update(timings={"total": 100.0, "train": 90.0})
    job.execute_recorded(run)
    timings = run.record().timings
    assert timings["total"] >= 100
    assert timings["train"] == 90
