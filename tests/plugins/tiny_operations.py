"""A plug-in for tests of execution: a job whose end the test decides. Loaded through SCITRAIN_PLUGINS."""

import os
import signal
import sys
from pathlib import Path
from typing import ClassVar, Literal

from scitrain.contracts import Job
from scitrain.contracts.operation import JobResult
from scitrain.errors import DataError
from scitrain.runs import Run


class TinyResult(JobResult):
    metrics: list[dict[str, float | str | None]] = []
    folder: str = ""
    modules: list[str] = []


class TinyJob(Job):
    does: Literal["return", "refuse", "crash", "eat", "die_once", "block", "ignore_sigterm", "fill_disk"] = "return"
    pipe: str = ""
    """Named pipe to which a blocked job writes its run id, and from which it then waits for a byte."""
    quick: bool = False

    title: ClassVar[str] = "Tiny"

    def in_background(self) -> bool:
        return not self.quick

    def execute(self, run: Run) -> TinyResult:
        run.progress("work", 1, 2, "half done")
        with (run.workspace.root / "order.txt").open("a") as file:
            file.write(f"{run.id}\n")
        getattr(self, f"_{self.does}")(run)
        run.file("results/answer.txt").write_text("42")
        loaded = sorted({name.partition(".")[0] for name in sys.modules})
        return TinyResult(folder=str(Path.cwd()), modules=loaded, next_step="celebrate()")

    def _return(self, run: Run) -> None:
        print("said on stdout")  # noqa: T201

    def _refuse(self, run: Run) -> None:
        raise DataError("column 'x' is missing; give another")

    def _crash(self, run: Run) -> None:
        raise RuntimeError("a bug")

    def _eat(self, run: Run) -> None:
        raise MemoryError

    def _die_once(self, run: Run) -> None:
        mark = run.file("checkpoints/died")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def _block(self, run: Run) -> None:
        with Path(self.pipe).open("w") as pipe:
            pipe.write(f"{run.id}\n")
        with Path(f"{self.pipe}.go").open() as pipe:
            pipe.read(1)

    def _ignore_sigterm(self, run: Run) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._block(run)

    def _fill_disk(self, run: Run) -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        run.file("results/big.bin").write_bytes(bytes(100_000))
