"""Where this process stands among those that train together, as a launcher says it in the environment."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from scitrain.errors import ScitrainError

__all__ = ["VARIABLES", "Place", "here", "place_from", "placed"]

TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT")
SLURM = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NODEID")
VARIABLES = frozenset({*TORCHRUN, *SLURM, "TORCHELASTIC_USE_AGENT_STORE"})
"""What a process that trains by itself must not inherit."""
FIRST_PORT, PORTS = 20_000, 20_000
"""A Slurm job meets at a port that its number gives: jobs that share a node do not meet one another."""
Launcher = Literal["local", "torchrun", "Slurm"]


@dataclass(frozen=True)
class Place:
    """One of ``world`` processes."""

    rank: int
    world: int
    local_rank: int
    """Among the processes of the same machine."""
    local_world: int
    address: str
    """Machine of the first process."""
    port: int
    launcher: Launcher
    agent_store: bool = False
    """True where torchrun itself listens at the port."""

    def environment(self) -> dict[str, str]:
        """Return the variables that put a child process in this place."""
        values = (self.rank, self.world, self.local_rank, self.local_world, 0, self.address, self.port)
        return dict(zip(TORCHRUN, map(str, values), strict=True))


def place_from(environment: Mapping[str, str]) -> Place | None:
    """Return the place that torchrun or srun gave this process, or None where neither started it.

    Raises:
        ScitrainError: What they say does not fit together.
    """
    if "RANK" in environment and "WORLD_SIZE" in environment:
        return _checked(_by_torchrun(environment))
    if "SLURM_PROCID" in environment and {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"} & set(environment):
        return _checked(_by_slurm(environment))
    return None


def here() -> Place | None:
    """Return the place of this process; None where it was started to train by itself."""
    return _here[-1] if _here else None


@contextmanager
def placed(place: Place | None) -> Iterator[None]:
    """Be in a place; None changes nothing."""
    if place is None:
        yield
        return
    _here.append(place)
    try:
        yield
    finally:
        _here.pop()


_here: list[Place] = []


def _by_torchrun(environment: Mapping[str, str]) -> Place:
    rank, world = _number(environment, "RANK"), _number(environment, "WORLD_SIZE")
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if not environment.get(name)]
    if missing and world > 1:
        raise ScitrainError(
            f"RANK={rank} and WORLD_SIZE={world} are set, but not {' and '.join(missing)}: the first process's machine and port"
        )
    return Place(
        rank=rank,
        world=world,
        local_rank=_number(environment, "LOCAL_RANK", 0),
        local_world=_number(environment, "LOCAL_WORLD_SIZE", 1),
        address=environment.get("MASTER_ADDR", "127.0.0.1"),
        port=_number(environment, "MASTER_PORT", FIRST_PORT),
        launcher="torchrun",
        agent_store=environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
    )


def _by_slurm(environment: Mapping[str, str]) -> Place:
    step = "SLURM_STEP_NUM_TASKS" if "SLURM_STEP_NUM_TASKS" in environment else "SLURM_NTASKS"
    nodes = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_JOB_NODELIST") or "127.0.0.1"
    each = environment.get("SLURM_STEP_TASKS_PER_NODE") or environment.get("SLURM_TASKS_PER_NODE") or "1"
    return Place(
        rank=_number(environment, "SLURM_PROCID"),
        world=_number(environment, step),
        local_rank=_number(environment, "SLURM_LOCALID", 0),
        local_world=_tasks(each, _number(environment, "SLURM_NODEID", 0)),
        address=environment.get("MASTER_ADDR") or first_node(nodes),
        port=_number(environment, "MASTER_PORT", FIRST_PORT + _number(environment, "SLURM_JOB_ID", 0) % PORTS),
        launcher="Slurm",
    )


def first_node(nodes: str) -> str:
    """Return the first machine of a list as Slurm writes it: ``gpu[003-007,9],x1`` gives ``gpu003``."""
    found = re.match(r"([^,\[]+)(?:\[(\d+)[^\]]*\])?([^,\[]*)", nodes.strip())
    if found is None:
        raise ScitrainError(f"{nodes!r} is no list of machines as Slurm writes it; set MASTER_ADDR to the first one")
    return "".join(part or "" for part in found.groups())


def _tasks(each: str, node: int) -> int:
    """Return the tasks of a node by Slurm's ``4(x2),3``: four on each of two nodes, three on the third."""
    counts = [int(n) for n, times in re.findall(r"(\d+)(?:\(x(\d+)\))?", each) for _ in range(int(times or 1))]
    return counts[node] if node < len(counts) else 1


def _number(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    given = environment.get(name)
    if given is None and default is not None:
        return default
    if given is None or not given.isdecimal():
        raise ScitrainError(f"{name}={given!r} is no whole number from 0 on; torchrun or srun sets it for each process")
    return int(given)


def _checked(place: Place) -> Place:
    if place.world < 1 or place.rank >= place.world:
        raise ScitrainError(
            f"{place.launcher} says that this is process {place.rank} of {place.world}, which are counted from 0; "
            "start all processes by one torchrun or srun"
        )
    return place
