"""Leave runs to be started by hand, or by another batch system, on one or several machines."""

import shlex
import sys
from typing import ClassVar

from scitrain.contracts.executor import Executor
from scitrain.executors._cluster import TorchrunOptions
from scitrain.executors._stop import stop
from scitrain.runs import TERMINAL, Run
from scitrain.spec import Spec

__all__ = ["Torchrun"]


class Torchrun(Executor):
    """Records how to start the run, and waits: each machine is given one ``torchrun … -m scitrain.worker RUN_DIR``."""

    name: ClassVar[str] = "torchrun"
    options_type: ClassVar[type[Spec] | None] = TorchrunOptions

    def submit(self, run: Run) -> None:
        """Say the command in the run's decisions."""
        options = self.given if isinstance(self.given, TorchrunOptions) else TorchrunOptions()
        where = f"on each of {options.nodes} machines, NODE counted from 0" if options.nodes > 1 else "here"
        try:
            run.decide("start_with", command_of(run, options), f"to be typed {where}, all within ten minutes")
        finally:
            run.release()

    def cancel(self, run: Run) -> None:
        """Stop the process that works on the run, where it does so on this machine."""
        stop(run)

    def alive(self, run: Run) -> bool:
        """Tell whether it waits to be started, or a process holds its lock."""
        return run.alive() or run.record().status not in TERMINAL | {"running"}


def command_of(run: Run, options: TorchrunOptions) -> str:
    """Return what is typed on each machine."""
    meeting = [f"--master-addr={options.address or '127.0.0.1'}", f"--master-port={options.port}"]
    several = [f"--nnodes={options.nodes}", f"--nproc-per-node={options.processes_per_node}", *meeting]
    words = [sys.executable, "-m", "torch.distributed.run", *several]
    rank = ["--node-rank=NODE"] if options.nodes > 1 else []
    return shlex.join([*words, *rank, "-m", "scitrain.worker", str(run.path)])
