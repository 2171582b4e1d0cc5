"""What a run on several machines is asked for, and the checks of what goes into a script."""

from typing import Annotated

from pydantic import Field, model_validator

from scitrain.spec import Spec

__all__ = ["SlurmOptions", "TorchrunOptions"]

Word = Annotated[str, Field(pattern=r"^[\w.,:+@/=-]+$", max_length=200)]
"""Goes into a script as it stands."""
Line = Annotated[str, Field(pattern=r"^[^\r\n]+$", max_length=2_000)]


class SlurmOptions(Spec):
    """What Slurm is asked for; defaults of a site may stand in ``SCITRAIN_SLURM`` as a JSON object."""

    nodes: int = Field(1, ge=1, le=4096)
    """Machines."""
    gpus: int = Field(0, ge=0, le=64)
    """GPUs of each machine, a process for each."""
    processes_per_node: int | None = Field(None, ge=1, le=256)
    """Processes on each machine; left out: one a GPU, or one."""
    cpus: int | None = Field(None, ge=1, le=1024)
    """CPUs of each process."""
    memory: Annotated[str, Field(pattern=r"^\d+[KMGT]?$")] | None = None
    """Memory of each machine, such as `64G`."""
    time: Annotated[str, Field(pattern=r"^(\d+-)?\d+(:\d{1,2}){0,2}$")] | None = None
    """Longest time: minutes, `HH:MM:SS` or `D-HH:MM:SS`; two minutes before its end the run stops with a checkpoint."""
    partition: Word | None = None
    account: Word | None = None
    qos: Word | None = None
    array: Annotated[str, Field(pattern=r"^\d+-\d+%1$")] | None = None
    """`1-4%1`: up to four jobs one after the other, each going on from the last checkpoint, where the time of one is short."""
    modules: list[Word] = []
    """Modules to load, such as `cuda/13.2`."""
    setup: list[Line] = []
    """Shell commands before the run, such as `source ~/venv/bin/activate`."""
    directives: list[Annotated[str, Field(pattern=r"^--?[A-Za-z][^\r\n]*$")]] = []
    """Further lines behind `#SBATCH`, such as `--constraint=a100`."""

    @property
    def processes(self) -> int:
        """Processes on each machine."""
        return self.processes_per_node or self.gpus or 1


class TorchrunOptions(Spec):
    """On how many machines torchrun will be started, by hand or by another batch system."""

    nodes: int = Field(1, ge=1, le=4096)
    """Machines."""
    processes_per_node: int = Field(1, ge=1, le=256)
    """Processes on each machine, one a GPU."""
    address: Word | None = None
    """The first machine, as the others reach it; needed from two machines on."""
    port: int = Field(29_500, ge=1, le=65_535)
    """A port there that is free."""

    @model_validator(mode="after")
    def _reachable(self) -> "TorchrunOptions":
        if self.nodes > 1 and self.address is None:
            raise ValueError("several machines need the address of the first one, as in address='node1'")
        return self
