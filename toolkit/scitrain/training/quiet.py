"""Lightning without its prints, its warnings and its folders."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["deterministic", "quiet"]

LOUD = ("pytorch_lightning", "lightning", "lightning.fabric", "lightning_fabric", "lightning.pytorch")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what Lightning tells about devices, workers and loggers: the run's record has it already."""
    loggers = [logging.getLogger(name) for name in LOUD]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def deterministic(wanted: bool, device: str) -> Iterator[None]:
    """Take repeatable algorithms on a GPU, and put the settings back; on a CPU they are repeatable anyway."""
    if not wanted or device != "cuda":
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
