"""How many threads a training step on the CPU is worth."""

import torch

from scitrain.training.architecture import architecture
from scitrain.training.predictor import Predictor

__all__ = ["GFLOP_A_THREAD", "step_gflop", "threads_worth"]

GFLOP_A_THREAD = 1.0
"""Work of a step for which a further thread is woken. Below it threads wait for each other longer than they compute: of eleven networks
from 0.02 to 41 GFLOP a step on two virtual cores, those below 1 GFLOP took 0.9 to 1.6 times as long on two threads as on one
(benchmarks/README.md, "Two workers"), and a search on ESOL used 1.7 times the processor time for the same wall time."""
BACKWARD = 2
"""A backward pass costs about two forward passes: gradients by inputs, and by weights."""


def step_gflop(predictor: Predictor, rows: int) -> float:
    """Return the 10⁹ multiplications and additions of a training step of ``rows`` rows through all members, counted on one row."""
    members = len(predictor.members)
    counted = architecture(predictor.members[0], predictor.inner, members)  # type: ignore[arg-type]  # a ModuleList says Module
    return counted.flops * members * rows * (1 + BACKWARD) / 1e9


def threads_worth(gflop: float) -> tuple[int, str]:
    """Return how many of torch's threads a step of ``gflop`` is worth, at least one and at most those there are, and why."""
    there = torch.get_num_threads()
    worth = max(1, min(there, int(gflop / GFLOP_A_THREAD)))
    why = f"a step of {gflop:.2g} GFLOP"
    return worth, why if worth == there else f"{why}: more would wait for each other longer than they compute"
