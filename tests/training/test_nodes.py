"""The real worker on two "nodes" of this machine, as torchrun and as Slurm would start it."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scitrain.operations.get_run import GetRun
from scitrain.operations.train_model import TrainModel
from scitrain.runs import Progress, Run
from scitrain.training.places import VARIABLES

TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
WORKER = ["-m", "scitrain.worker"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    chance = random.Random(1)
    lines = ["a,b,y"]
    for _ in range(120):
        a, b = chance.gauss(0, 1), chance.gauss(0, 1)
        lines.append(f"{a:.4f},{b:.4f},{2 * a - b * b + chance.gauss(0, 0.05):.4f}")
    path = tmp_path_factory.mktemp("data") / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def request(table, **options):
    model = {"family": "mlp", "widths": [16], "norm": "none", "dropout": 0.0}
    small = {"model": model, "epochs": 4, "ensemble": 2, "export": [], "device": "cpu"}
    return TrainModel(**{"data": str(table), "target": "y"} | small | options)


@pytest.fixture
def queued(workspace, table):
    def make(**options):
        run = request(table, **options).create(workspace, "torchrun")
        run.release()
        return run

    return make


@pytest.fixture(scope="module")
def alone(table, tmp_path_factory):
    """Losses of each epoch where one process does it all."""
    from scitrain.workspace import Workspace

    workspace = Workspace(tmp_path_factory.mktemp("alone"))
    return losses(Run.open(request(table).run(workspace).run_id, workspace))


def losses(run):
    log = run.read_json("results/dl_training_log.json")
    return [[row["train_loss"], row["val_loss"]] for row in log["epochs"]]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def started(words, log, **environment):
    inherited = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    with log.open("wb") as file:
        return subprocess.Popen(words, env=inherited | environment, stdout=file, stderr=file)


def by_slurm(run: Run, folder: Path):
    """Start two tasks with what srun tells each."""
    common = {
        "SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2", "SLURM_JOB_ID": "77", "SLURM_LOCALID": "0", "SLURM_NNODES": "2",
        "SLURM_TASKS_PER_NODE": "1(x2)", "SLURM_JOB_NODELIST": "localhost", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()),
    }  # fmt: skip
    words = [sys.executable, *WORKER, str(run.path)]
    ranks = [{"SLURM_PROCID": str(rank), "SLURM_NODEID": str(rank)} for rank in (1, 0)]
    return [started(words, folder / f"{own['SLURM_PROCID']}.log", **common, **own) for own in ranks]


def by_torchrun(run: Run, folder: Path):
    """Start the agents of two nodes, each with one process."""
    port = free_port()
    words = [*TORCHRUN, "--nnodes=2", "--nproc-per-node=1", "--master-addr=127.0.0.1", f"--master-port={port}"]
    return [started([*words, f"--node-rank={rank}", *WORKER, str(run.path)], folder / f"{rank}.log") for rank in (1, 0)]


@pytest.mark.slow
@pytest.mark.parametrize(("launch", "strategy"), [(by_torchrun, "fsdp"), (by_slurm, "ddp")])
def test_two_nodes_learn_what_one_process_learns(queued, alone, tmp_path, launch, strategy):
    run = queued(parallel=strategy)
    codes = [process.wait(300) for process in launch(run, tmp_path)]
    said = "\n".join(path.read_text() for path in tmp_path.glob("?.log"))
    assert codes == [0, 0], said
    record = run.record()
    assert record.status == "completed"
    told = {decision.what: decision for decision in record.decisions}
    assert (told["processes"].value, told["parallel"].value) == (2, strategy)
    assert told["processes"].why == f"started by {'torchrun' if launch is by_torchrun else 'Slurm'}"
    np.testing.assert_allclose(losses(run), alone, rtol=1e-3)
    assert (run.path / "models/weights.safetensors").is_file()
    assert not list(run.path.rglob("checkpoints/processes/*.failed"))


@pytest.mark.slow
def test_a_lost_process_fails_the_run_with_its_number_and_no_wait(queued, tmp_path):
    run = queued(epochs=100_000, patience=100_000)
    other, first = by_slurm(run, tmp_path)
    killed = []

    def kill(step: Progress):
        if step.stage == "train" and step.done > 2 and not killed:
            other.kill()
            killed.append(step)

    try:
        while GetRun(run_id=run.id, wait_s=45).run(run.workspace, kill).status in {"queued", "running"}:
            pass
        assert killed, (tmp_path / "0.log").read_text()
        first.wait(60)
    finally:
        for process in (other, first):
            process.kill()
    assert (first.returncode, other.wait()) == (1, -signal.SIGKILL)
    record = run.record()
    assert record.status == "failed"
    assert "process 1 of 2 ended without a word" in str(record.error)
    assert "resume_run" in str(record.error)
    assert not run.alive()


def test_a_process_with_no_run_to_work_on_says_that_all_machines_must_see_it(tmp_path, capfd):
    from scitrain import worker

    assert worker.main([str(tmp_path / "nothing")]) == 2
    assert "every machine" in capfd.readouterr().err


def test_a_completed_run_is_not_done_again(queued, tmp_path):
    from scitrain import worker

    run = queued()
    run.update(status="completed")
    before = json.dumps(run.record().model_dump(mode="json"))
    assert worker.main([str(run.path)]) == 0
    assert json.dumps(run.record().model_dump(mode="json")) == before
