"""Several processes that train one team: each takes its part of every batch."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from pydantic import TypeAdapter
from pytorch_lightning.strategies import DDPStrategy
from torch import distributed as dist

from scitrain.contracts.model import InputShape
from scitrain.models import AnyModelSpec
from scitrain.runs import Run, atomic_write
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.training.soft import Soft

__all__ = ["Processes", "helpers", "leave_group", "read_learning", "write_learning"]

FOLDER = "checkpoints/processes"
GRACE_S = 10.0
"""Seconds a helper process has to end by itself."""


class _Replicas(DDPStrategy):
    """Lightning's process group without its wrapper: a team's gradients are two arrays, added up in one call each."""

    def configure_ddp(self) -> None:
        """Leave the module as it is."""


@dataclass(frozen=True)
class Processes:
    """This process among those that share each batch."""

    rank: int = 0
    world: int = 1
    port: int = 0

    def trainer(self, folder: Path, epochs: int, device: str) -> pl.Trainer:
        """Return Lightning's trainer for so many more epochs; it writes nothing, for checkpoints and logs are the run's."""
        several = self.world > 1
        strategy: str | _Replicas = "auto"
        if several:
            strategy = _Replicas(process_group_backend="nccl" if device == "cuda" else "gloo")
        return pl.Trainer(
            accelerator={"cuda": "gpu"}.get(device, device),
            devices=self.world if several else 1,
            strategy=strategy,
            plugins=[_Environment(self)] if several else None,
            max_epochs=epochs,
            default_root_dir=folder,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )


class _Environment(ClusterEnvironment):
    """Processes that were started by `helpers`."""

    def __init__(self, processes: Processes) -> None:
        super().__init__()
        self.processes = processes

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        return self.processes.port

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self.processes.world

    def set_world_size(self, size: int) -> None:
        """Keep the size that was given: Lightning computes the same one."""

    def global_rank(self) -> int:
        return self.processes.rank

    def set_global_rank(self, rank: int) -> None:
        """Keep the rank that was given: Lightning computes the same one."""

    def local_rank(self) -> int:
        return self.processes.rank

    def node_rank(self) -> int:
        return 0


@contextmanager
def helpers(learning: Learning, run: Run, world: int) -> Iterator[Processes]:
    """Start the other ``world - 1`` processes for a training, and see to it that none is left at the end."""
    if world == 1:
        yield Processes()
        return
    job = write_learning(learning, run.path / FOLDER)
    port = _free_port()
    started = []
    for rank in range(1, world):
        command = [
            sys.executable,
            "-m",
            "scitrain.training.helper",
            str(job),
            str(run.path),
            str(rank),
            str(world),
            str(port),
        ]
        with (run.path / FOLDER / f"{rank}.log").open("wb") as log:
            environment = os.environ | run.workspace.environment()
            started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment))
    try:
        yield Processes(0, world, port)
        for process in started:
            process.wait(GRACE_S)
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
            process.wait()
        leave_group()


def leave_group() -> None:
    """Leave the process group, where Lightning made one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def write_learning(learning: Learning, folder: Path) -> Path:
    """Write a learning where another process can read it; rows in a memory map are named, not copied."""
    folder.mkdir(parents=True, exist_ok=True)
    x = learning.x
    rows = folder / "x.npy"
    if isinstance(x, np.memmap) and isinstance(x.filename, str | Path) and str(x.filename).endswith(".npy"):
        rows = Path(x.filename)
    else:
        np.save(rows, x)
    said = np.zeros(0) if learning.soft is None else learning.soft.said
    np.savez(folder / "labels.npz", y=learning.y, train=learning.train, val=learning.val, said=said)
    description = {
        "task": learning.task,
        "rows": str(rows),
        "n_outputs": learning.n_outputs,
        "model": learning.model.model_dump(mode="json"),
        "shape": TypeAdapter(InputShape).dump_python(learning.shape, mode="json"),
        "options": learning.options.model_dump(mode="json"),
        "seed": learning.seed,
        "soft": None if learning.soft is None else [learning.soft.temperature, learning.soft.alpha],
    }
    return atomic_write(folder / "learning.json", TypeAdapter(dict).dump_json(description))


def read_learning(job: Path) -> Learning:
    """Read what `write_learning` wrote."""
    found = TypeAdapter(dict).validate_json(job.read_bytes())
    labels = np.load(job.parent / "labels.npz", allow_pickle=False)
    return Learning(
        task=found["task"],
        x=np.load(found["rows"], mmap_mode="r", allow_pickle=False),
        y=labels["y"],
        train=labels["train"],
        val=labels["val"],
        n_outputs=found["n_outputs"],
        model=TypeAdapter(AnyModelSpec).validate_python(found["model"]),
        shape=TypeAdapter(InputShape).validate_python(found["shape"]),
        options=TrainingOptions.model_validate(found["options"]),
        seed=found["seed"],
        soft=None if found["soft"] is None else Soft(labels["said"], *found["soft"]),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
