"""Teach a Transformer what its corpus holds."""

import hashlib
import json

import numpy as np
import torch

from scitrain.errors import ScitrainError
from scitrain.pretraining.corpus import Corpus
from scitrain.pretraining.lesson import PretrainingLesson
from scitrain.pretraining.network import Pretraining
from scitrain.pretraining.options import PretrainingOptions
from scitrain.resources import choose_device
from scitrain.runs import Run
from scitrain.training.loop import Learned, Pacing, learn
from scitrain.training.memory import ran_out, tidy
from scitrain.training.precision import choose_averaged

__all__ = ["fresh", "teach"]

RATES = {"small": 1e-3, "base": 3e-4, "large": 1e-4}
"""Learning rates by size."""
PART = "pretraining"


def teach(corpus: Corpus, options: PretrainingOptions, run: Run) -> tuple[Pretraining, Learned]:
    """Return the network with the weights of its best epoch, on the CPU, and how it came about; goes on where the run stood.

    Where memory runs out, activations are computed twice from there on: the same gradient for a third more time.

    Raises:
        ScitrainError: The loss is no number any more, or memory does not suffice for a batch.
        CancelledError: Somebody asked the run to stop.
    """
    pacing = _pacing(options, run)
    try:
        return _taught(corpus, options, pacing, run, recomputes=False)
    except (RuntimeError, MemoryError) as error:
        if not ran_out(error):
            raise
        why = f"memory ran out at batches of {options.batch_size}"
        run.decide("gradient_checkpointing", True, why)
    tidy()
    try:
        return _taught(corpus, options, pacing, run, recomputes=True)
    except (RuntimeError, MemoryError) as error:
        if not ran_out(error):
            raise
        smaller = max(2, options.batch_size // 2)
        raise ScitrainError(
            f"{why} on {pacing.device}, though activations were computed twice; ask for batch_size={smaller}, or a smaller size"
        ) from error


def _taught(
    corpus: Corpus, options: PretrainingOptions, pacing: Pacing, run: Run, recomputes: bool
) -> tuple[Pretraining, Learned]:
    network = fresh(corpus, options)
    if recomputes:
        network.recompute()
    learned = learn(PretrainingLesson(network, corpus, options), pacing, run, _key(corpus, options), PART)
    return network.cpu(), learned


def fresh(corpus: Corpus, options: PretrainingOptions) -> Pretraining:
    """Return the network as it is before it learns anything; the caller's random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        return Pretraining(corpus.notation, options.size, len(options.targets))


def _pacing(options: PretrainingOptions, run: Run) -> Pacing:
    device, why = choose_device(options.device)
    run.decide("device", device, why)
    precision, why = choose_averaged(device)
    run.decide("precision", precision, why)
    return Pacing(
        epochs=options.epochs,
        learning_rate=RATES[options.size] if options.learning_rate == "auto" else options.learning_rate,
        beta2=0.98,  # usual of Transformers: gradients of rare tokens come in bursts
        patience=options.epochs,
        max_minutes=options.max_minutes,
        seed=options.seed,
        device=device,
        precision=precision,
    )


def _key(corpus: Corpus, options: PretrainingOptions) -> str:
    """Return a hash of what the weights depend on, of the rows a sample."""
    said = [options.model_dump(mode="json", exclude={"max_minutes", "device"}), list(corpus.rows.shape)]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    digest.update(np.asarray(corpus.rows[:: max(1, len(corpus.rows) // 64)]).tobytes())
    return digest.hexdigest()[:32]
