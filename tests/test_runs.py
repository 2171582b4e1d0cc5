import errno
import json
import os
from pathlib import Path

import pytest

from scitrain.contracts.operation import reason_of
from scitrain.errors import DataError, RunNotFoundError, RunStateError
from scitrain.records import read_record
from scitrain.runs import RUN_ID, Progress, Run, atomic_write, by_time, run_ids
from scitrain.workspace import Workspace


def make(workspace: Workspace, operation: str = "train_model") -> Run:
    return Run.create(operation, {"data": "a.csv"}, workspace)


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_new_run_is_queued_claimed_and_found_again(workspace):
    run = make(workspace)
    assert RUN_ID.fullmatch(run.id)
    assert run.alive()
    again = Run.open(run.id, workspace)
    assert again.record().status == "queued"
    assert again.record().spec == {"data": "a.csv"}
    assert again.record().cwd == str(Path.cwd())


def test_runs_made_at_once_are_listed_in_reverse_order_of_their_making(workspace):
    made = [make(workspace, name).id for name in ("b", "a", "c", "a", "b") * 6]
    assert run_ids(workspace) == made[::-1]
    assert sorted(made, key=by_time) == made


def test_no_runs_are_listed_where_there_is_no_folder_yet(workspace):
    assert run_ids(workspace) == []


@pytest.mark.parametrize("bad", ["../secret", "..", "", "train_model-20260101T000000-0000000", "/etc", "a\0b"])
def test_an_id_that_is_none_opens_nothing(workspace, bad):
    with pytest.raises(RunNotFoundError, match="no run"):
        Run.open(bad, workspace)


def test_a_link_is_no_run(workspace, tmp_path):
    run = make(workspace)
    link = workspace.runs / f"{run.id[:-1]}{'0' if run.id[-1] != '0' else '1'}"
    link.symlink_to(run.path)
    with pytest.raises(RunNotFoundError):
        Run.open(link.name, workspace)


def test_an_unknown_run_names_the_nearest_and_list_runs(workspace):
    run = make(workspace)
    near = run.id[:-1] + ("0" if run.id[-1] != "0" else "1")
    with pytest.raises(RunNotFoundError, match=f"did you mean '{run.id}'.*list_runs"):
        Run.open(near, workspace)


def test_a_claim_is_exclusive_and_ends_with_its_release(workspace):
    run = make(workspace)
    other = Run.open(run.id, workspace)
    with pytest.raises(RunStateError, match="get_run"):
        other.claim()
    run.release()
    assert not run.alive()
    other.claim()
    assert run.alive()


def test_a_claim_ends_with_the_object_that_holds_it(workspace):
    run_id = make(workspace).id
    assert not Run.open(run_id, workspace).alive()


def test_a_forked_child_does_not_hold_its_parents_claim(workspace):
    run = make(workspace)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    run.release()
    try:
        # The child closes what it inherited before it goes on; the claim may be seen held until it has.
        other = Run.open(run.id, workspace)
        for _ in range(1000):
            if not other.alive():
                break
            os.sched_yield()
        assert not other.alive()
    finally:
        os.close(writer)
        os.close(reader)
        os.waitpid(child, 0)


def test_choosing_again_replaces_the_choice(workspace):
    run = make(workspace)
    run.decide("model", "mlp", "small table")
    run.decide("split", "random", "no groups")
    run.decide("model", "cnn", "images")
    assert [(d.what, d.value) for d in run.record().decisions] == [("split", "random"), ("model", "cnn")]


def test_the_last_progress_is_found_behind_a_long_log_and_half_a_line(workspace):
    run = make(workspace)
    told: list[Progress] = []
    run.on_progress = told.append
    run.progress("train", 1, 5, "epoch 1/5")
    run.progress("train", 2, 5, "epoch 2/5")
    run.event("note", text="x" * 5000)
    with (run.path / "events.jsonl").open("a") as file:
        file.write('{"event": "progress", "stage": "tr\n{"event": "progress", "sta}')
    last = run.last_progress()
    assert last is not None
    assert (last.stage, last.done, last.message) == ("train", 2, "epoch 2/5")
    assert [step.done for step in told] == [1, 2]


def test_a_run_without_events_has_no_progress(workspace):
    assert make(workspace).last_progress() is None


def test_artifacts_leave_out_locks_checkpoints_links_and_hidden_files(workspace, tmp_path):
    run = make(workspace)
    for name in ("results/a.json", "figures/b.png", "checkpoints/last.ckpt", ".hidden", "models/.tmp/x"):
        run.file(name).write_text("12345")
    (run.path / "results/link.csv").symlink_to("/etc/hostname")
    assert run.artifacts() == ["figures/b.png", "results/a.json", "run.json"]
    assert dict(run.artifact_sizes())["results/a.json"] == 5


def test_json_with_nan_is_refused_and_the_old_file_stays(workspace):
    run = make(workspace)
    run.write_json("results/a.json", {"x": 1})
    with pytest.raises(ValueError, match="JSON"):
        run.write_json("results/a.json", {"x": float("nan")})
    assert run.read_json("results/a.json") == {"x": 1}


def test_a_missing_artifact_is_named_with_those_that_exist(workspace):
    with pytest.raises(RunStateError, match=r"no results/metrics\.json \(status queued\); it has run\.json"):
        make(workspace).read_json("results/metrics.json")


def test_a_write_that_fails_leaves_the_old_content_and_no_debris(tmp_path, monkeypatch):
    target = atomic_write(tmp_path / "a.txt", "old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        atomic_write(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_is_recorded_on_a_full_disk_in_the_space_that_was_held_back(workspace, monkeypatch):
    run = make(workspace)
    reserve, real = run.path / ".reserve", os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: full_disk() if reserve.exists() else real(handle))
    run.end("failed", error="disk full")
    assert (run.record().status, run.record().error) == ("failed", "disk full")


def test_where_not_even_that_can_be_written_the_old_record_stays(workspace, monkeypatch):
    run = make(workspace)
    monkeypatch.setattr(os, "fsync", full_disk)
    run.end("failed", error="disk full")
    assert run.record().status == "queued"


def test_a_completed_run_that_cannot_be_recorded_raises(workspace, monkeypatch):
    run = make(workspace)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        run.end("completed")


def test_an_ended_record_is_parsed_once_and_read_anew_when_it_changes(workspace, monkeypatch):
    run = make(workspace)
    run.end("failed", error="first")
    assert run.record().error == "first"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", full_disk)
        assert run.record().error == "first"
    run.update(error="second")
    assert Run.open(run.id, workspace).record().error == "second"


def test_a_record_edited_to_nonsense_says_where(workspace):
    run = make(workspace)
    (run.path / "run.json").write_text(json.dumps({"run_id": run.id}))
    with pytest.raises(RunStateError, match=r"run\.json is no record"):
        read_record(run.path / "run.json")


def test_only_a_run_that_ended_short_goes_back_to_the_queue(workspace):
    run = make(workspace)
    run.end("completed")
    assert not run.requeue("local")
    failed = make(workspace)
    failed.end("failed", error="no")
    failed.release()
    assert failed.requeue("local")
    record = failed.record()
    assert (record.status, record.error, record.ended, record.executor) == ("queued", None, None, "local")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DataError("column x is missing"), "^column x is missing$"),
        (OSError(errno.ENOSPC, "No space left on device", "a.bin"), "disk is full.*a.bin.*free some space"),
        (OSError(errno.EFBIG, "File too large"), "quota"),
        (OSError("251800 requested and 76768 written"), "disk is full.*251800 requested"),
        (MemoryError(), "out of memory: an allocation was refused; take a smaller batch_size"),
        (KeyError("x"), "KeyError: 'x'.*log.txt"),
    ],
)
def test_a_failure_says_what_to_do(error, said):
    import re

    assert re.search(said, reason_of(error))
