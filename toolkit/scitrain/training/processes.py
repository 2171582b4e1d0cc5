"""Several processes that train one team: each takes its part of every batch."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from pydantic import TypeAdapter
from pytorch_lightning.strategies import DDPStrategy

from scitrain.contracts.model import InputShape
from scitrain.data.slots import Slot
from scitrain.errors import CancelledError
from scitrain.models import AnyModelSpec
from scitrain.runs import Run, atomic_write
from scitrain.training.adapting import Adaptation
from scitrain.training.auto import Settings
from scitrain.training.group import FOLDER, Group, current_group, joined
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.training.places import VARIABLES, Place
from scitrain.training.soft import Soft

__all__ = ["Processes", "helpers", "read_learning", "read_settings", "write_learning"]

GRACE_S = 10.0
"""Seconds a helper process has to end by itself."""


class _Replicas(DDPStrategy):
    """Lightning's process group without its wrapper: a team adds up its gradients itself."""

    def configure_ddp(self) -> None:
        """Leave the module as it is."""


@dataclass(frozen=True)
class Processes:
    """This process among those that share each batch."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1

    @classmethod
    def of(cls, place: Place) -> "Processes":
        """Return those that a launcher started."""
        return cls(place.rank, place.world, place.local_rank, place.local_world)

    def trainer(self, folder: Path, epochs: int, device: str) -> pl.Trainer:
        """Return Lightning's trainer for so many more epochs; it writes nothing, for checkpoints and logs are the run's."""
        several = self.world > 1
        return pl.Trainer(
            accelerator={"cuda": "gpu"}.get(device, device),
            devices=[self._gpu()] if several and device == "cuda" else 1,
            num_nodes=self.world,  # whichever GPUs a launcher shows: to Lightning each process is a node with one device
            strategy=_Replicas() if several else "auto",
            plugins=[_Environment(self)] if several else None,
            max_epochs=epochs,
            default_root_dir=folder,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )

    def _gpu(self) -> int:
        import torch

        return torch.cuda.current_device()


class _Environment(ClusterEnvironment):
    """Processes that have met already."""

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
        return 0

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
        return 0

    def node_rank(self) -> int:
        return self.processes.rank


@contextmanager
def helpers(learning: Learning, settings: Settings, run: Run) -> Iterator[Processes]:
    """Have the other processes of a training at work: those a launcher started, else some of our own, none of which is left.

    Raises:
        ScitrainError: One of them was lost, or they waited too long for one another.
    """
    if settings.processes == 1:
        yield Processes()
        return
    job = write_learning(learning, run.path / FOLDER, settings)
    group = current_group()
    if group is not None:
        with _sharing(group, job) as processes:
            yield processes
        return
    place = Place(0, settings.processes, 0, settings.processes, "127.0.0.1", _free_port(), "local")
    with _started(place, run), joined(place, run) as own, _sharing(own, job) as processes:
        yield processes


@contextmanager
def _sharing(group: Group, job: Path) -> Iterator[Processes]:
    group.announce(job)
    try:
        yield Processes.of(group.place)
    except (RuntimeError, CancelledError) as error:
        why = group.explained(error)
        if why is None:
            raise
        raise why from error


@contextmanager
def _started(first: Place, run: Run) -> Iterator[None]:
    started = []
    inherited = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    (run.path / FOLDER).mkdir(parents=True, exist_ok=True)
    for rank in range(1, first.world):
        place = Place(rank, first.world, rank, first.world, first.address, first.port, "local")
        command = [sys.executable, "-P", "-m", "scitrain.training.helper", str(run.path)]
        with (run.path / FOLDER / f"{rank}.log").open("wb") as log:
            environment = inherited | run.workspace.environment() | place.environment()
            started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment))
    try:
        yield
        for process in started:
            process.wait(GRACE_S)
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
            process.wait()


def write_learning(learning: Learning, folder: Path, settings: Settings | None = None) -> Path:
    """Write a learning where another process can read it; rows in a memory map are named, not copied.

    With ``settings``, `read_settings` gives them to processes that must not choose otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    x = learning.x
    rows = folder / "x.npy"
    if isinstance(x, np.memmap) and isinstance(x.filename, str | Path) and str(x.filename).endswith(".npy"):
        rows = Path(x.filename)
    else:
        np.save(rows, x)
    said = np.zeros(0) if learning.soft is None else learning.soft.said
    other = learning.adaptation
    beside = np.zeros(0, np.int64) if other is None else other.rows
    np.savez(folder / "labels.npz", y=learning.y, train=learning.train, val=learning.val, said=said, beside=beside)
    description = {
        "task": learning.task,
        "rows": str(rows),
        "n_outputs": learning.n_outputs,
        "slots": [list(slot) for slot in learning.slots],
        "model": learning.model.model_dump(mode="json"),
        "shape": TypeAdapter(InputShape).dump_python(learning.shape, mode="json"),
        "options": learning.options.model_dump(mode="json"),
        "seed": learning.seed,
        "coverage": learning.coverage,
        "keeps_last": learning.keeps_last,
        "cooled": learning.cooled,
        "settings": None if settings is None else asdict(settings),
        "soft": None if learning.soft is None else [learning.soft.temperature, learning.soft.alpha],
        "adaptation": None if other is None else [other.method, other.weight],
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
        coverage=found["coverage"],
        slots=tuple(Slot(*slot) for slot in found["slots"]),
        keeps_last=found["keeps_last"],
        cooled=found["cooled"],
        soft=None if found["soft"] is None else Soft(labels["said"], *found["soft"]),
        adaptation=None if found["adaptation"] is None else Adaptation(labels["beside"], *found["adaptation"]),
    )


def read_settings(job: Path) -> Settings:
    """Read the settings that `write_learning` wrote."""
    return TypeAdapter(Settings).validate_python(TypeAdapter(dict).validate_json(job.read_bytes())["settings"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
