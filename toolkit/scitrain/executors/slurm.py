"""Execute runs as jobs of a Slurm cluster."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import ClassVar, Self

from scitrain.contracts.executor import Executor
from scitrain.errors import ScitrainError
from scitrain.executors._cluster import SlurmOptions
from scitrain.executors._stop import record_stop
from scitrain.request import parse
from scitrain.runs import Run, atomic_write
from scitrain.spec import Spec

__all__ = ["Slurm"]

VARIABLE = "SCITRAIN_SLURM"
SCRIPT, JOB = "slurm.sbatch", "slurm.json"
ANSWER_S = 20
"""Longest wait for an answer of Slurm."""
END_S, LOOK_S = 45.0, 0.5
"""Slurm kills a job some 30 s after it asked it to stop."""


class Slurm(Executor):
    """Writes ``slurm.sbatch`` beside the run, submits it, and asks ``squeue`` how the job is.

    Each task is a worker on the same run: the first writes its record, the others train along. The workspace lies on a
    file system that all nodes see.
    """

    name: ClassVar[str] = "slurm"
    options_type: ClassVar[type[Spec] | None] = SlurmOptions

    def configured(self, given: Mapping[str, object]) -> Self:
        """Return this executor with options; those of the site stand where ``given`` says nothing."""
        return type(self)(parse(SlurmOptions, {**_of_site(), **given}))

    def submit(self, run: Run) -> None:
        """Submit the run.

        Raises:
            ScitrainError: There is no Slurm here, or it refuses the job; the script is left for submitting by hand.
        """
        try:
            options = self.given if isinstance(self.given, SlurmOptions) else parse(SlurmOptions, _of_site())
            script = atomic_write(run.path / SCRIPT, script_of(run, options))
            job = _sbatch(str(script))
            run.write_json(JOB, {"job": job, "options": options.model_dump(mode="json")})
            where = (
                f"{options.nodes} nodes with {options.processes} processes each" if options.nodes > 1 else "one node"
            )
            run.decide("slurm_job", job, f"{SCRIPT} was submitted for {where}")
        except ScitrainError as error:
            run.end("failed", error=str(error))
            raise
        finally:
            run.release()

    def cancel(self, run: Run) -> None:
        """Have Slurm stop the job, and see that the record has an end state."""
        job = _job(run)
        if job is not None:
            _ask("scancel", job)
            deadline = time.monotonic() + END_S
            while run.alive() and time.monotonic() < deadline:
                time.sleep(LOOK_S)
        record_stop(run)

    def alive(self, run: Run) -> bool:
        """Tell whether the run's process, or its job in the queue, is there; a cluster that does not answer is believed to have it."""
        job = _job(run)
        if run.alive() or job is None:
            return run.alive()
        try:
            done = _ask("squeue", "--noheader", "--format=%T", f"--jobs={job}")
        except ScitrainError:
            return True
        return bool(done.stdout.strip()) if done.returncode == 0 else "invalid job id" not in done.stderr.lower()


def script_of(run: Run, options: SlurmOptions) -> str:
    """Return the batch script of a run."""
    from scitrain.shipped import template

    folder = run.record().cwd
    return template("slurm.sbatch").render(
        options=options,
        name=run.id,
        run_dir=str(run.path),
        folder=folder or str(run.workspace.root),
        environment=run.workspace.environment(),
        python=sys.executable,
    )


def _of_site() -> dict[str, object]:
    given = os.environ.get(VARIABLE)
    if not given:
        return {}
    try:
        found = json.loads(given)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ScitrainError(f'{VARIABLE}={given!r} is no JSON object of options, such as {{"partition": "gpu"}}')
    return found


def _sbatch(script: str) -> str:
    by_hand = f"the script lies at {script}: submit it by hand with sbatch on a machine of the cluster"
    if shutil.which("sbatch") is None:
        raise ScitrainError(f"there is no sbatch on this machine's PATH; {by_hand}")
    done = _ask("sbatch", "--parsable", script)
    job = done.stdout.strip().partition(";")[0]
    if done.returncode or not job:
        raise ScitrainError(
            f"sbatch refused the job: {done.stderr.strip() or done.stdout.strip()}; mend the options, or {by_hand}"
        )
    return job


def _ask(*words: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=ANSWER_S, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ScitrainError(f"Slurm does not answer to {words[0]}: {error}") from error


def _job(run: Run) -> str | None:
    return str(run.read_json(JOB)["job"]) if (run.path / JOB).is_file() else None
