import pytest

from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.operations.list_runs import ListRuns
from scitrain.runs import Run


@pytest.fixture
def made(workspace):
    """Return nine ended runs, the oldest first; every third is an evaluation of the run before it."""
    runs: list[Run] = []
    for i in range(9):
        operation = "evaluate_model" if i % 3 == 2 else "train_model"
        parents = [runs[-1].id] if i % 3 == 2 else []
        run = Run.create(operation, {"data": f"file{i}.csv", "target": "logS"}, workspace, parents)
        run.end("failed" if i == 4 else "completed", error="Column GONE is missing\nsecond line" if i == 4 else None)
        run.release()
        runs.append(run)
    return runs


def ids(result):
    return [line.run_id for line in result.runs]


def test_runs_come_newest_first_with_what_they_are_about(workspace, made):
    found = ListRuns().run(workspace)
    assert ids(found) == [run.id for run in reversed(made)]
    assert found.runs[0].about == "data=file8.csv, target=logS"
    assert (found.next_cursor, found.in_all) == (None, 9)
    assert "file8.csv" in found.summary()


@pytest.mark.parametrize("limit", [1, 2, 4, 9, 20])
def test_pages_put_together_are_the_whole_list(workspace, made, limit):
    cursor, found = None, []
    while True:
        page = ListRuns(limit=limit, cursor=cursor).run(workspace)
        assert len(page.runs) <= limit
        found += ids(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [run.id for run in reversed(made)]


def test_a_new_run_does_not_disturb_the_next_page(workspace, made):
    page = ListRuns(limit=4).run(workspace)
    new = Run.create("train_model", {}, workspace)
    rest = ListRuns(limit=20, cursor=page.next_cursor).run(workspace)
    assert new.id not in ids(rest)
    assert ids(page) + ids(rest) == [run.id for run in reversed(made)]


def test_filters_select_by_operation_status_parent_and_words(workspace, made):
    assert ids(ListRuns(operation="evaluate_model").run(workspace)) == [made[i].id for i in (8, 5, 2)]
    assert ids(ListRuns(status="failed").run(workspace)) == [made[4].id]
    assert ids(ListRuns(parent=made[1].id).run(workspace)) == [made[2].id]
    assert ids(ListRuns(text="FILE7").run(workspace)) == [made[7].id]
    assert ids(ListRuns(text="gone is").run(workspace)) == [made[4].id]
    assert ids(ListRuns(text=made[3].id).run(workspace)) == [made[3].id]
    assert ListRuns(text="nowhere").run(workspace).summary() == "no such run among 9"


def test_an_empty_workspace_says_so(workspace):
    assert ListRuns().run(workspace).summary() == "no runs yet"


def test_only_the_first_line_of_an_error_is_listed(workspace, made):
    (line,) = ListRuns(status="failed").run(workspace).runs
    assert line.error == "Column GONE is missing"


def test_an_operation_without_runs_names_those_with_some(workspace, made):
    with pytest.raises(UnknownNameError, match="did you mean 'train_model'"):
        ListRuns(operation="train_modle").run(workspace)


def test_a_cursor_that_is_no_run_id_is_refused(workspace, made):
    with pytest.raises(ScitrainError, match="next_cursor of the page before"):
        ListRuns(cursor="../x").run(workspace)


def test_an_empty_workspace_lists_nothing_whatever_is_asked(workspace):
    assert ListRuns(operation="train_model").run(workspace).runs == []


def test_a_run_without_a_process_is_listed_as_interrupted(workspace):
    Run.create("train_model", {}, workspace).release()
    assert [line.status for line in ListRuns().run(workspace).runs] == ["interrupted"]


def test_a_page_reads_no_more_records_than_it_shows(workspace, made, monkeypatch):
    read = []
    real = Run.record
    monkeypatch.setattr(Run, "record", lambda run: read.append(run.id) or real(run))
    ListRuns(limit=3).run(workspace)
    assert read == [run.id for run in reversed(made)][:4]


def test_a_damaged_record_is_shown_as_such_and_hides_no_other(workspace, made):
    (made[6].path / "run.json").write_text("{")
    (made[7].path / "run.json").unlink()
    found = ListRuns().run(workspace)
    assert len(found.runs) == 8
    damaged = next(line for line in found.runs if line.run_id == made[6].id)
    assert damaged.status == "failed"
    assert "no record" in (damaged.error or "")
