"""What the members of a training begin from, and what of them is trained how fast."""

import copy
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from torch import nn

from scitrain.contracts.model import InputShape, ModelSpec
from scitrain.training.predictor import Member, Predictor, build_member
from scitrain.training.transforms import learn_input

__all__ = ["Continued", "Pace", "Start"]


class Pace(NamedTuple):
    """How fast a weight is trained."""

    scale: float = 1.0
    """Part of the learning rate."""
    thaw: int = 0
    """Epochs (from 0) before which it is left alone."""


class Start:
    """Begins with a family's own weights, all of which are trained alike; transfer learning begins otherwise."""

    sparse: bool = False
    """True where weights that are zero stay zero."""

    def predictor(self) -> Predictor | None:
        """Return a trained network to go on with, input transform and all; None builds a new one of `inputs` and `member`."""
        return None

    def inputs(self, shape: InputShape, rows: np.ndarray, chosen: np.ndarray) -> tuple[nn.Module, InputShape]:
        """Return the transform of rows (n, …), learned from the rows ``chosen``, and the shape of what it gives."""
        return learn_input(shape, rows, chosen)

    def member(self, model: ModelSpec, inner: InputShape, n_outputs: int, number: int) -> Member:
        """Build one member; a weight that shall not be trained requires no gradient."""
        return build_member(model.of_member(number), inner, n_outputs)

    def meet(self, member: Member, rows: np.ndarray, chosen: np.ndarray) -> None:
        """Let a member that was built look at the training rows ``chosen`` of raw rows (n, …)."""
        member.encoder.meet(rows, chosen)

    def paces(self, member: Member) -> Mapping[str, Pace]:
        """Return the pace of each weight by name; those without one are trained at the learning rate from the first epoch on."""
        return {}

    def key(self) -> str:
        """Return what tells it apart from other beginnings of the same network."""
        return ""


class Continued(Start):
    """Goes on with a trained network."""

    def __init__(self, trained: Predictor, sparse: bool = False) -> None:
        self.trained, self.sparse = trained, sparse

    def predictor(self) -> Predictor:
        """Return a copy of it."""
        return copy.deepcopy(self.trained)
