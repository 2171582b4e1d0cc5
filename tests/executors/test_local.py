import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from scitrain.errors import RunStateError, ScitrainError
from scitrain.executors import EXECUTORS, _stop
from scitrain.operations.cancel_run import CancelRun
from scitrain.operations.get_run import GetRun
from scitrain.operations.list_runs import ListRuns
from scitrain.operations.resume_run import ResumeRun
from scitrain.reconcile import reconcile
from scitrain.runs import LOCK, Run
from scitrain.workspace import Workspace

LOCAL = EXECUTORS["local"]


def ended(run_id: str, workspace: Workspace) -> Run:
    """Wait, by the lock that the kernel frees, until a run's worker is gone."""
    run = Run.open(run_id, workspace)
    with (run.path / LOCK).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
    return run


def test_a_run_completes_in_a_process_of_its_own_and_logs_there(tiny, workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pydantic.py").write_text("raise RuntimeError('a file in the current folder shadows a package')")
    started = tiny.TinyJob().start(workspace, LOCAL)
    assert started.status == "queued"
    assert started.next_step == f"get_run(run_id={started.run_id!r}, wait_s=45)"
    run = ended(started.run_id, workspace)
    record = run.record()
    assert record.status == "completed", (run.path / "log.txt").read_text()
    assert record.result is not None
    assert record.result["folder"] == str(tmp_path)
    assert "said on stdout" in (run.path / "log.txt").read_text()
    assert not {"torch", "rdkit", "matplotlib", "sklearn"} & set(record.result["modules"])
    assert not list((workspace.root / "queue").glob("*tiny*"))


def test_a_worker_is_in_a_session_of_its_own_and_holds_nothing_of_its_starter_open(tiny, workspace, gates):
    gate = gates()
    started = tiny.TinyJob(does="block", pipe=str(gate.path)).start(workspace, LOCAL)
    gate.wait()
    pid = Run.open(started.run_id, workspace).pid()
    assert pid is not None
    assert os.getsid(pid) == pid
    log = str(workspace.runs / started.run_id / "log.txt")
    streams = (
        [str(Path(f"/proc/{pid}/fd/{i}").readlink()) for i in range(3)]
        if Path("/proc").is_dir()
        else ["/dev/null", log, log]
    )
    assert streams == ["/dev/null", log, log]
    gate.open()
    assert ended(started.run_id, workspace).record().status == "completed"


def test_a_killed_worker_is_interrupted_at_once_and_resume_completes_the_same_run(tiny, workspace):
    started = tiny.TinyJob(does="die_once").start(workspace, LOCAL)
    run = ended(started.run_id, workspace)
    assert run.record().status == "running"
    assert reconcile(workspace) == [run.id]
    assert run.record().status == "interrupted"
    assert f"resume_run(run_id='{run.id}')" in (run.record().error or "")
    assert reconcile(workspace) == []
    again = ResumeRun(run_id=run.id).start(workspace, LOCAL)
    assert (again.run_id, again.status) == (run.id, "queued")
    assert ended(run.id, workspace).record().status == "completed"
    assert run.record().error is None
    kept = ResumeRun(run_id=run.id).start(workspace, LOCAL)
    assert (kept.status, kept.next_step) == ("completed", "celebrate()")


def test_with_one_slot_runs_work_one_at_a_time_in_the_order_they_were_asked_for(tiny, workspace, gates):
    gate = gates()
    first = tiny.TinyJob(does="block", pipe=str(gate.path)).start(workspace, LOCAL)
    assert gate.wait() == first.run_id
    later = [tiny.TinyJob().start(workspace, LOCAL).run_id for _ in range(3)]
    listed = {line.run_id: line.status for line in ListRuns().run(workspace).runs}
    assert [listed[run_id] for run_id in (first.run_id, *later)] == ["running", "queued", "queued", "queued"]
    CancelRun(run_id=later[1]).run(workspace)
    gate.open()
    states = [ended(run_id, workspace).record().status for run_id in (first.run_id, *later)]
    assert states == ["completed", "completed", "cancelled", "completed"]
    assert (workspace.root / "order.txt").read_text().split() == [first.run_id, later[0], later[2]]


def test_two_slots_let_two_runs_work_at_once(tiny, workspace, gates, monkeypatch):
    monkeypatch.setenv("SCITRAIN_SLOTS", "2")
    one, two = gates("one"), gates("two")
    runs = [tiny.TinyJob(does="block", pipe=str(gate.path)).start(workspace, LOCAL).run_id for gate in (one, two)]
    assert [one.wait(), two.wait()] == runs
    one.open()
    two.open()
    records = [ended(run_id, workspace).record() for run_id in runs]
    assert sorted(record.decisions[0].value["slot"] for record in records) == [0, 1]


def test_cancel_stops_a_run_at_work_and_is_kind_when_asked_again(tiny, workspace, gates):
    gate = gates()
    started = tiny.TinyJob(does="block", pipe=str(gate.path)).start(workspace, LOCAL)
    gate.wait()
    first = CancelRun(run_id=started.run_id).run(workspace)
    assert (first.status, first.message) == ("cancelled", "stopped")
    assert first.next_step == f"resume_run(run_id={started.run_id!r})"
    again = CancelRun(run_id=started.run_id).run(workspace)
    assert again.status == "cancelled"
    assert "had ended already" in again.message


def test_a_worker_that_does_not_listen_is_killed_and_recorded_as_cancelled(tiny, workspace, gates, monkeypatch):
    monkeypatch.setattr(_stop, "PATIENCE_S", 0.05)
    gate = gates()
    started = tiny.TinyJob(does="ignore_sigterm", pipe=str(gate.path)).start(workspace, LOCAL)
    gate.wait()
    assert CancelRun(run_id=started.run_id).run(workspace).status == "cancelled"
    assert not Run.open(started.run_id, workspace).alive()


def test_a_worker_has_ended_though_the_server_that_started_it_has_not_collected_it(monkeypatch):
    def kill(process):
        raise AssertionError("it had ended already")

    monkeypatch.setattr(psutil.Process, "kill", kill)
    starter = "import subprocess, sys; print(subprocess.Popen(['sleep', '1000']).pid, flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", starter]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        worker = psutil.Process(int(server.stdout.readline()))
        _stop._end(worker, 5)
        assert worker.status() == psutil.STATUS_ZOMBIE


def test_cancel_never_signals_a_process_that_holds_no_lock(tiny, workspace):
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        run = tiny.TinyJob().create(workspace, "local")
        run.announce(bystander.pid)
        run.release()
        LOCAL.cancel(run)
        assert run.record().status == "cancelled"
        assert psutil.pid_exists(bystander.pid)
        assert bystander.poll() is None
    finally:
        bystander.communicate(b"\n")
    assert bystander.returncode == 0


def test_a_run_of_this_very_process_is_not_cancelled_by_a_signal_to_itself(tiny, workspace):
    run = tiny.TinyJob().create(workspace, "inline")
    for pid in (None, os.getpid()):
        run.announce(pid)
        with pytest.raises(RunStateError, match="inside another program"):
            EXECUTORS["inline"].cancel(run)


def test_a_run_survives_the_sudden_end_of_its_starter(tiny, workspace, gates):
    gate = gates()
    script = f"""
import os, signal, scitrain.operations
from scitrain.contracts.operation import Job
from scitrain.discovery import plugins
from scitrain.executors import EXECUTORS
from scitrain.workspace import Workspace
tiny = next(job for job in plugins(Job) if job.name() == "tiny_job")
tiny(does="block", pipe={str(gate.path)!r}).start(Workspace.from_environment(), EXECUTORS["local"])
os.kill(os.getpid(), signal.SIGKILL)
"""
    starter = subprocess.run([sys.executable, "-c", script], check=False)
    assert starter.returncode == -signal.SIGKILL
    run_id = gate.wait()
    assert GetRun(run_id=run_id).run(workspace).status == "running"
    assert reconcile(workspace) == []
    gate.open()
    assert ended(run_id, workspace).record().status == "completed"


def test_a_file_that_outgrows_a_quota_fails_the_run_and_keeps_what_was_there(tiny, workspace):
    started = tiny.TinyJob(does="fill_disk").start(workspace, LOCAL)
    run = ended(started.run_id, workspace)
    assert run.record().status == "failed"
    assert "quota" in (run.record().error or "")
    assert run.last_progress() is not None


def test_a_queue_that_is_set_up_wrongly_fails_the_run_with_the_reason(tiny, workspace, monkeypatch):
    monkeypatch.setenv("SCITRAIN_SLOTS", "many")
    with pytest.raises(ScitrainError, match="SCITRAIN_SLOTS='many'"):
        tiny.TinyJob().start(workspace, LOCAL)
    (line,) = ListRuns().run(workspace).runs
    assert line.status == "failed"
    assert "whole number" in (line.error or "")


def test_where_no_process_can_be_started_the_run_is_failed_and_leaves_the_queue(tiny, workspace, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(ScitrainError, match="no worker could be started"):
        tiny.TinyJob().start(workspace, LOCAL)
    (line,) = ListRuns().run(workspace).runs
    assert line.status == "failed"
    assert list((workspace.root / "queue").iterdir()) == []
