import json
import os
import signal
import subprocess
import sys

import pytest

import scitrain
from scitrain import cli
from scitrain.operations import OPERATIONS
from scitrain.runs import Run, run_ids


@pytest.fixture
def tiny_job(tiny, monkeypatch):
    monkeypatch.setitem(OPERATIONS, "tiny_job", tiny.TinyJob)
    return tiny.TinyJob


def test_a_query_prints_words_for_people_and_json_for_programs(workspace, capsys):
    run = Run.create("train_model", {}, workspace)
    run.end("completed")
    run.release()
    assert cli.main(["get-run", "--run-id", run.id]) == 0
    assert f"{run.id}: completed" in capsys.readouterr().out
    assert cli.main(["get-run", "--run-id", run.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "completed"


def test_a_job_runs_here_and_its_result_is_all_that_stdout_has(workspace, tiny_job, capfd):
    assert cli.main(["tiny-job", "--json"]) == 0
    out = capfd.readouterr().out.removeprefix("said on stdout\n")
    assert json.loads(out)["run_id"] == run_ids(workspace)[0]


def test_a_person_sees_the_stages_and_the_next_step(workspace, tiny_job, capsys):
    assert cli.main(["tiny-job"]) == 0
    shown = capsys.readouterr()
    assert "work: half done" in shown.err
    assert "celebrate()" in shown.out


def test_a_failed_run_ends_with_status_1_and_its_reason(workspace, tiny_job, capsys):
    assert cli.main(["tiny-job", "--does", "refuse"]) == 1
    [run_id] = run_ids(workspace)
    assert capsys.readouterr().err.endswith(f"{run_id} failed: column 'x' is missing; give another\n")
    assert Run.open(run_id, workspace).record().status == "failed"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["get-run"], "run_id: required"),
        (["get-run", "--run-id", "../x"], "no run named '../x'"),
        (["get-run", "--run-idd", "x"], "did you mean '--run-id'?"),
        (["list-rnus"], "did you mean 'list-runs'?"),
        (["list-runs", "--limit", "many"], "limit: Input should be a valid integer"),
        ([], "COMMAND"),
        (["serve", "--http", "--host", "0.0.0.0"], "bearer token"),
        (["--workspace", "W", "serve", "--http", "--host", "0.0.0.0"], "bearer token"),
        (["--json", "serve"], "unrecognized arguments: --json"),
    ],
)
def test_a_bad_request_ends_with_status_2_and_the_mend(workspace, capsys, words, said):
    assert cli.main(words) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


@pytest.mark.parametrize("words", [["nonsense"], ["predict", "--run", "x", "--inputs"]])
def test_what_was_typed_right_is_not_offered_as_its_own_correction(workspace, capsys, words):
    assert cli.main(words) == 2
    assert "did you mean" not in capsys.readouterr().err


def test_a_full_disk_ends_a_job_with_what_to_do(workspace, tiny_job, monkeypatch, capsys):
    def full(self, run):
        raise OSError("251800 requested and 76768 written")

    monkeypatch.setattr(tiny_job, "execute", full)
    assert cli.main(["tiny-job"]) == 1
    assert "the disk is full" in capsys.readouterr().err


def test_a_bad_request_makes_no_run(workspace, tiny_job):
    assert cli.main(["tiny-job", "--does", "dance"]) == 2
    assert run_ids(workspace) == []


@pytest.mark.parametrize("words", [["--workspace", "W", "list-runs"], ["list-runs", "--workspace", "W"]])
def test_common_options_stand_before_or_after_the_command(workspace, tmp_path, monkeypatch, words, capsys):
    monkeypatch.chdir(tmp_path)
    run = Run.create("train_model", {}, type(workspace)(tmp_path / "W"))
    run.release()
    assert cli.main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["in_all"] == 1


def test_background_work_answers_at_once(workspace, tiny_job, gates, capsys):
    gate = gates()
    assert cli.main(["tiny-job", "--background", "--does", "block", "--pipe", str(gate.path), "--json"]) == 0
    started = json.loads(capsys.readouterr().out)
    assert gate.wait() == started["run_id"]
    gate.open()
    assert cli.main(["get-run", "--run-id", started["run_id"], "--wait-s", "45", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "completed"


def test_ctrl_c_leaves_a_cancelled_record_and_status_130(workspace, tiny_job, monkeypatch):
    def interrupted(self, run):
        raise KeyboardInterrupt

    monkeypatch.setattr(tiny_job, "execute", interrupted)
    assert cli.main(["tiny-job"]) == 130
    assert Run.open(run_ids(workspace)[0], workspace).record().status == "cancelled"


def test_a_signal_stops_a_whole_command_with_status_130(workspace, tiny, gates):
    gate = gates()
    words = ["tiny-job", "--does", "block", "--pipe", str(gate.path)]
    child = subprocess.Popen([sys.executable, "-m", "scitrain", *words], stderr=subprocess.PIPE, env=dict(os.environ))
    try:
        run = Run.open(gate.wait(), workspace)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 130
    assert b"stopped" in said
    assert run.record().status == "cancelled"


def test_the_version_is_that_of_the_distribution(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("scitrain ")


def test_help_lists_every_command(capsys):
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name.replace("_", "-") in shown for name in [*OPERATIONS, "serve"])


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_help_of_every_command_comes_from_its_fields(name, capsys):
    assert cli.main([name.replace("_", "-"), "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for field in OPERATIONS[name].model_fields.values():
        assert field.description is not None
        assert " ".join(field.description.split())[:30].split(" ")[0] in shown


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_no_field_hides_a_common_option(name):
    assert not {"json", "workspace", "background", "command", "help"} & OPERATIONS[name].model_fields.keys()


def test_the_package_has_every_operation_by_name():
    assert set(scitrain.__all__) >= {operation.__name__ for operation in OPERATIONS.values()}
    assert all(getattr(scitrain, operation.__name__) is operation for operation in OPERATIONS.values())
    assert all(hasattr(scitrain, name) for name in scitrain.__all__)


def test_the_source_names_every_operation_that_ships():
    source = (cli.Path(scitrain.__file__)).read_text(encoding="utf-8")
    missing = [
        op.__name__
        for op in OPERATIONS.values()
        if op.__module__.startswith("scitrain.operations.") and f'"{op.__name__}"' not in source
    ]
    assert missing == []


def test_a_reader_that_leaves_is_no_error(workspace):
    child = subprocess.Popen(
        [sys.executable, "-m", "scitrain", "list-runs", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(timeout=60) == 0
