"""A trained generator: draw from it, teach it more, write and read it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scitrain.generation.conditions import asked_values
from scitrain.generation.config import GENERATOR, KNOWN, MODELS, REFERENCE, GeneratorConfig, Known
from scitrain.generation.languages import Settled
from scitrain.generation.options import Sampling
from scitrain.resources import torch_threads
from scitrain.runs import Run, atomic_write

__all__ = ["Candidate", "Drawn", "Generator", "Tuning", "load", "read_generator_config"]


class Drawn(NamedTuple):
    """One draw."""

    text: str
    """SMILES or formula as it came out, which may be none."""
    log_likelihood: float | None = None
    """Σ ln P(token); None of diffusion, which has none that is cheap."""
    ended: bool = True


@dataclass(frozen=True)
class Candidate:
    """One draw, and what it is."""

    text: str
    """As drawn."""
    key: str
    """Canonical SMILES or reduced formula; empty where it is neither."""
    problem: str
    """Why not; empty where it is."""
    novel: bool
    """Not among the data of the training."""
    log_likelihood: float | None
    told: tuple[float, ...] = ()
    """Standardised conditions (properties,), where other draws were told others."""


@dataclass(frozen=True)
class Tuning:
    """How a generator is taught more."""

    epochs: int = 3
    learning_rate: float = 1e-4
    batch_size: int = 64
    seed: int = 42


class Generator(ABC):
    """Draws molecules (canonical SMILES) or compositions (reduced formulas)."""

    config: GeneratorConfig
    known: Known

    @abstractmethod
    def draw(
        self, count: int, values: np.ndarray, sampling: Sampling, seed: int, stop: Callable[[], None] = lambda: None
    ) -> list[Drawn]:
        """Draw ``count`` at once, told standardised ``values`` (properties,), NaN where nothing is asked."""

    @abstractmethod
    def settle(self, text: str) -> Settled:
        """Return what a drawn string is."""

    @abstractmethod
    def tune(self, texts: Sequence[str], properties: Mapping[str, Sequence[float]] | None, tuning: Tuning) -> float:
        """Teach it strings (SMILES or formulas) with their properties by name; returns the mean loss of the last epoch.

        Strings that its notation cannot say are left out. The generator changes; a run that it was loaded from does not.
        """

    @abstractmethod
    def save_weights(self, folder: Path) -> None:
        """Write weights and tokenizer."""

    def candidates(
        self,
        count: int,
        conditions: Mapping[str, float] | None = None,
        sampling: Sampling | None = None,
        seed: int = 42,
    ) -> list[Candidate]:
        """Draw ``count`` strings and say what each is; neither sorted nor without repetition.

        Args:
            count: Number of draws.
            conditions: Property to value in its own unit.
            sampling: How to draw.
            seed: The same seed gives the same draws.

        Raises:
            ScitrainError: A condition it does not heed, or far outside the trained range.
        """
        values, _ = asked_values(self.config.conditions, conditions or {})
        how = sampling or Sampling()
        found: list[Candidate] = []
        with torch_threads():
            for number, start in enumerate(range(0, count, how.batch_size)):
                size = min(how.batch_size, count - start)
                found += [self.judge(one) for one in self.draw(size, values, how, seed + 7919 * number)]
        return found

    def judge(self, drawn: Drawn) -> Candidate:
        """Say what a draw is."""
        settled = self.settle(drawn.text) if drawn.ended else Settled("", "unfinished: no room for more tokens")
        novel = bool(settled.key) and settled.key not in self.known
        return Candidate(drawn.text, settled.key, settled.problem, novel, drawn.log_likelihood)

    def save(self, run: Run, reference: Sequence[str]) -> None:
        """Write everything that `load` reads, and some training strings to compare with."""
        folder = run.path / MODELS
        folder.mkdir(parents=True, exist_ok=True)
        self.save_weights(folder)
        np.save(run.path / KNOWN, self.known.hashes, allow_pickle=False)
        run.write_json(REFERENCE, list(reference))
        atomic_write(run.path / GENERATOR, self.config.model_dump_json(indent=2) + "\n")


def read_generator_config(run: Run) -> GeneratorConfig:
    """Return what a run's generator is, without its weights.

    Raises:
        RunStateError: The run holds no generator.
    """
    return GeneratorConfig.model_validate(run.read_json(GENERATOR))


def load(run: Run) -> Generator:
    """Return the generator of a finished `train_generator` run, on the CPU.

    Raises:
        RunStateError: The run holds no generator.
    """
    config = read_generator_config(run)
    known = Known(np.load(run.path / KNOWN, allow_pickle=False))
    if config.family in ("composition_diffusion", "molecule_diffusion"):
        from scitrain.generation.diffusion import load_diffusion

        return load_diffusion(config, known, run.path / MODELS)
    from scitrain.generation.gpt_generator import load_gpt_generator

    return load_gpt_generator(config, known, run.path / MODELS)
