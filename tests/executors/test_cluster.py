"""Runs on a cluster, with a Slurm made of three small scripts."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from scitrain import cli
from scitrain.errors import ScitrainError
from scitrain.executors import EXECUTORS
from scitrain.executors._cluster import SlurmOptions, TorchrunOptions
from scitrain.executors.slurm import script_of
from scitrain.operations import OPERATIONS
from scitrain.operations.cancel_run import CancelRun
from scitrain.reconcile import current
from scitrain.request import RequestError
from scitrain.runs import Run, run_ids
from scitrain.workspace import Workspace

ODD = 'it\'s a "folder" with $HOME, `date` & ünïcode; # and \\ all'
SRUN = """#!/bin/bash
printf '%s\\n' "$PWD" "$SCITRAIN_WORKSPACE" "$OMP_NUM_THREADS" "$@" > {said}
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Put programs of the names of Slurm's first on PATH; returns a function that writes one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("SCITRAIN_SLURM", raising=False)

    def program(name: str, text: str):
        (folder / name).write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)

    return program


@pytest.fixture
def queued(tiny, workspace):
    return tiny.TinyJob().create(workspace, "slurm")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"nodes": 2, "gpus": 4, "cpus": 8, "memory": "64G", "time": "1-12:00:00", "partition": "gpu", "account": "a_b-c", "qos": "long"},
        {"nodes": 3, "processes_per_node": 2, "time": "90", "array": "1-4%1", "modules": ["cuda/13.2", "gcc@14.1+fortran"]},
        {"setup": ["source '/opt/a b/bin/activate'", 'export X="it\'s $HOME"'], "directives": ["--constraint=a100|h100", "-C x"]},
    ],
)  # fmt: skip
def test_the_script_is_bash_and_runs_the_worker_with_the_very_paths(tiny, tmp_path, slurm, monkeypatch, options):
    odd = tmp_path / ODD
    odd.mkdir()
    monkeypatch.chdir(odd)
    run = tiny.TinyJob().create(Workspace(odd / "work space", (odd,)), "slurm")
    script = tmp_path / "script"
    script.write_text(script_of(run, SlurmOptions.model_validate(options)))
    assert subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=True).stderr == ""
    said = tmp_path / "said"
    slurm("srun", SRUN.format(said=shlex.quote(str(said))))
    slurm("module", "true")
    (tmp_path / "bin" / "a").touch()
    runnable = script.read_text().replace("source '/opt/a b/bin/activate'", "true")
    subprocess.run(["bash", "-c", runnable], check=True, env=os.environ | {"SLURM_CPUS_PER_TASK": "8"})
    folder, root, threads, *words = said.read_text().splitlines()
    assert (folder, root, threads) == (str(odd), str(odd / "work space"), "8")
    assert words[:2] == ["--kill-on-bad-exit=1", "--cpus-per-task=8"]
    assert words[-3:] == ["-m", "scitrain.worker", str(run.path)]


def test_directives_stand_before_the_first_command_and_say_what_was_asked(queued):
    options = SlurmOptions(nodes=2, gpus=4, time="02:00:00", array="1-3%1", directives=["--exclusive"])
    lines = script_of(queued, options).splitlines()
    first = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    assert all(not line.startswith("#SBATCH") for line in lines[first:])
    asked = {line.removeprefix("#SBATCH ") for line in lines[:first] if line.startswith("#SBATCH")}
    wanted = {
        "--nodes=2",
        "--ntasks-per-node=4",
        "--gpus-per-node=4",
        "--time=02:00:00",
        "--array=1-3%1",
        "--exclusive",
    }
    assert wanted <= asked
    assert f"--job-name={queued.id}" in asked


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"partition": "gpu\nrm -rf ~"}, "partition"),
        ({"modules": ["cuda; reboot"]}, "modules"),
        ({"time": "tomorrow"}, "time"),
        ({"array": "1-4"}, "array"),
        ({"setup": ["a\nb"]}, "setup"),
        ({"directives": ["echo hello"]}, "directives"),
        ({"nodes": 0}, "nodes"),
        ({"node": 2}, "did you mean 'nodes'"),
    ],
)
def test_what_would_break_the_script_is_refused(options, says):
    with pytest.raises(RequestError, match=says):
        EXECUTORS["slurm"].configured(options)


def test_a_job_is_submitted_and_followed_until_slurm_forgets_it(tiny, workspace, slurm, tmp_path):
    slurm("sbatch", f'echo "$@" > {tmp_path}/submitted; echo "4711;cluster"')
    slurm("squeue", f"cat {tmp_path}/state")
    (tmp_path / "state").write_text("PENDING\n")
    started = tiny.TinyJob().start(workspace, EXECUTORS["slurm"].configured({"nodes": 2}))
    run = Run.open(started.run_id, workspace)
    assert (tmp_path / "submitted").read_text().split() == ["--parsable", str(run.path / "slurm.sbatch")]
    [decision] = [made for made in started.decisions if made.what == "slurm_job"]
    assert decision.value == "4711"
    assert not run.alive()
    assert current(run).status == "queued"
    (tmp_path / "state").write_text("")
    assert current(run).status == "interrupted"


def test_a_cluster_that_does_not_answer_is_not_taken_for_a_lost_run(tiny, workspace, slurm):
    slurm("sbatch", "echo 12")
    slurm("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1")
    run = Run.open(tiny.TinyJob().start(workspace, EXECUTORS["slurm"]).run_id, workspace)
    assert current(run).status == "queued"
    slurm("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    assert current(run).status == "interrupted"


def test_cancel_tells_slurm_and_records_it(tiny, workspace, slurm, tmp_path):
    slurm("sbatch", "echo 12")
    slurm("squeue", "echo PENDING")
    slurm("scancel", f'echo "$@" > {tmp_path}/cancelled')
    run = Run.open(tiny.TinyJob().start(workspace, EXECUTORS["slurm"]).run_id, workspace)
    assert CancelRun(run_id=run.id).run(workspace).status == "cancelled"
    assert (tmp_path / "cancelled").read_text() == "12\n"


def test_a_refused_job_is_failed_with_slurms_words(tiny, workspace, slurm):
    slurm("sbatch", "echo 'sbatch: error: invalid partition specified: gpuu' >&2; exit 1")
    with pytest.raises(ScitrainError, match="invalid partition specified: gpuu"):
        tiny.TinyJob().start(workspace, EXECUTORS["slurm"])
    run = Run.open(run_ids(workspace)[0], workspace)
    assert run.record().status == "failed"
    assert not run.alive()


def test_without_slurm_the_command_line_says_where_the_script_lies(tiny, workspace, monkeypatch, capsys):
    monkeypatch.setitem(OPERATIONS, "tiny_job", tiny.TinyJob)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("SCITRAIN_SLURM", json.dumps({"partition": "gpu", "nodes": 4}))
    assert cli.main(["tiny-job", "--executor", "slurm", "--slurm.nodes", "2", "--slurm.time", "30"]) == 2
    script = workspace.runs / run_ids(workspace)[0] / "slurm.sbatch"
    assert f"no sbatch on this machine's PATH; the script lies at {script}" in capsys.readouterr().err
    text = script.read_text()
    assert {"#SBATCH --partition=gpu", "#SBATCH --nodes=2", "#SBATCH --time=30"} <= set(text.splitlines())


def test_options_of_a_site_that_are_no_object_are_refused(monkeypatch):
    monkeypatch.setenv("SCITRAIN_SLURM", "gpu")
    with pytest.raises(ScitrainError, match="SCITRAIN_SLURM='gpu' is no JSON object"):
        EXECUTORS["slurm"].configured({})


def test_a_run_that_is_to_be_started_by_hand_says_its_command_and_waits(tiny, workspace, monkeypatch, capsys):
    monkeypatch.setitem(OPERATIONS, "tiny_job", tiny.TinyJob)
    words = ["--torchrun.nodes", "2", "--torchrun.address", "node1", "--torchrun.processes-per-node", "4", "--json"]
    assert cli.main(["tiny-job", "--executor", "torchrun", *words]) == 0
    answer = json.loads(capsys.readouterr().out)
    [decision] = answer["decisions"]
    run = Run.open(answer["run_id"], workspace)
    assert "--nnodes=2 --nproc-per-node=4 --master-addr=node1" in decision["value"]
    assert shlex.split(decision["value"])[-3:] == ["-m", "scitrain.worker", str(run.path)]
    assert current(run).status == "queued"
    assert CancelRun(run_id=run.id).run(workspace).status == "cancelled"


def test_two_machines_need_an_address():
    with pytest.raises(RequestError, match="address of the first one"):
        EXECUTORS["torchrun"].configured({"nodes": 2})
    assert TorchrunOptions().nodes == 1


def test_an_executor_without_options_takes_none():
    assert EXECUTORS["local"].configured({}) is EXECUTORS["local"]
    with pytest.raises(ScitrainError, match="'local' takes no options"):
        EXECUTORS["local"].configured({"nodes": 2})


def test_a_local_worker_started_within_a_job_of_a_cluster_is_no_task_of_it(queued, monkeypatch):
    from scitrain.executors.local import _environment

    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_NTASKS", "4")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert not {"SLURM_PROCID", "SLURM_NTASKS", "WORLD_SIZE"} & set(_environment(queued))
    assert Path(queued.path).is_dir()
