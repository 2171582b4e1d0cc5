"""A training that begins from weights learned elsewhere, and trains a part of them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from scitrain.contracts.model import InputShape, ModelSpec
from scitrain.errors import ScitrainError
from scitrain.runs import Run
from scitrain.training.predictor import Member, Predictor, build_member
from scitrain.training.start import Pace, Start
from scitrain.training.transforms import input_transform
from scitrain.transfer.blocks import blocks_of
from scitrain.transfer.lora import add_lora, merge_lora
from scitrain.transfer.options import FIXED, Strategy
from scitrain.weights.fitting import refuse_misfits

__all__ = ["PARTS", "Beginning", "RunWeights", "Tuned", "bare", "finished", "run_weights", "trainable", "weights_of"]

PARTS = ("adapter", "prompt", "prefix")
"""Options of a family by which small trained parts are put into its network."""
INSERTED = ("bottleneck.", "prompt_encoder.")
"""Parts of the names of what `scitrain.models._inserted` adds."""


@dataclass(frozen=True)
class RunWeights:
    """Encoder and input transform of a trained run."""

    run_id: str
    model: ModelSpec
    inner: InputShape
    inputs: Mapping[str, Tensor]
    encoders: tuple[Mapping[str, Tensor], ...]
    """One a member of its ensemble."""

    def load(self, encoder: nn.Module, number: int) -> None:
        """Fill an encoder with the weights of one member.

        Raises:
            ScitrainError: They are of another architecture.
        """
        stored = self.encoders[number % len(self.encoders)]
        wanted = encoder.state_dict()
        shapes = [{name: tuple(value.shape) for name, value in state.items()} for state in (wanted, stored)]
        refuse_misfits(f"the weights of run {self.run_id}", shapes[0], shapes[1])
        encoder.load_state_dict(dict(stored))


def run_weights(run: Run) -> RunWeights:
    """Read what a run has learned about its rows, leaving its head."""
    from scitrain.inference.files import load_predictor, read_config

    return weights_of(run.id, read_config(run).model_object(), load_predictor(run))


def weights_of(name: str, model: ModelSpec, predictor: Predictor) -> RunWeights:
    """Return what a trained predictor of ``model`` has learned about its rows, leaving its head."""
    encoders = tuple(dict(member.encoder.state_dict()) for member in predictor.members)  # type: ignore[union-attr]
    return RunWeights(name, model, predictor.inner, dict(predictor.inputs.state_dict()), encoders)


@dataclass(frozen=True)
class Tuned:
    """What of the weights is trained, and how fast."""

    strategy: Strategy
    blocks: int = 2
    layer_decay: float = 0.9
    head_rate: float = 10.0
    rank: int = 4
    modules: tuple[str, ...] = ()
    thaw_every: int = 1
    """Epochs between two thawed blocks of `gradual`."""


@dataclass(frozen=True)
class Beginning(Start):
    """Weights of a family, or of a run, and a strategy."""

    tuned: Tuned
    run: RunWeights | None = None

    def inputs(self, shape: InputShape, rows: np.ndarray, chosen: np.ndarray) -> tuple[nn.Module, InputShape]:
        """Return the transform that the run learned: its weights expect it."""
        if self.run is None:
            return super().inputs(shape, rows, chosen)
        transform = input_transform(self.run.inner)
        transform.load_state_dict(dict(self.run.inputs))
        return transform, self.run.inner

    def member(self, model: ModelSpec, inner: InputShape, n_outputs: int, number: int) -> Member:
        """Build a member, fill in the run's weights, and freeze what the strategy leaves alone."""
        member = self._whole(model, inner, n_outputs, number)
        if self.tuned.strategy == "lora":
            add_lora(member.encoder, self.tuned.rank, self.tuned.modules)
        else:
            kept = self._learning(member.encoder)
            for name, weight in member.encoder.named_parameters():
                weight.requires_grad_(name in kept)
        return member

    def meet(self, member: Member, rows: np.ndarray, chosen: np.ndarray) -> None:
        """Leave a run's member what it has learned of its own rows: its weights expect it."""
        if self.run is None:
            super().meet(member, rows, chosen)

    def paces(self, member: Member) -> Mapping[str, Pace]:
        """Return the head's own pace, and for each block from the top that of the one above it times the decay."""
        tuned = self.tuned
        if tuned.strategy not in ("full", "partial", "gradual"):
            return {"head.weight": Pace(), "head.bias": Pace()}
        found = {name: Pace(tuned.head_rate) for name in ("head.weight", "head.bias")}
        for depth, names in enumerate(reversed(blocks_of(member.encoder))):
            thaw = (depth + 1) * tuned.thaw_every if tuned.strategy == "gradual" else 0
            pace = Pace(tuned.layer_decay**depth, thaw)
            found |= {f"encoder.{name}": pace for name in names}
        return found

    def key(self) -> str:
        """Return a hash of the strategy and of the run's name."""
        said = [self.tuned.__dict__, None if self.run is None else self.run.run_id]
        return hashlib.sha256(json.dumps(said, default=list).encode()).hexdigest()[:16]

    def _whole(self, model: ModelSpec, inner: InputShape, n_outputs: int, number: int) -> Member:
        """Build a member with the weights it begins from; what a strategy adds to those of a run is put in after them."""
        if self.run is None:
            return build_member(model.of_member(number), inner, n_outputs)
        number = self._own_kind(self.run, model, number)
        member = build_member(bare(self.run.model).of_member(number), inner, n_outputs)
        self.run.load(member.encoder, number)
        added = {name: getattr(model, name, 0) for name in PARTS}
        if added != {name: getattr(self.run.model, name, 0) for name in PARTS}:
            if any(getattr(self.run.model, name, 0) for name in PARTS):
                raise ScitrainError(
                    f"run {self.run.run_id} has an adapter, prompt or prefix already; take strategy='full' or 'partial'"
                )
            member.encoder.insert(**added)  # type: ignore[operator]  # of the family that has such parts
        return member

    @staticmethod
    def _own_kind(run: RunWeights, model: ModelSpec, number: int) -> int:
        """Return which network of a run a member begins from: where these are unlike, one of the member's own kind."""
        wanted = model.of_member(number).model_dump(exclude=set(PARTS))
        alike = [i for i in range(len(run.encoders)) if run.model.of_member(i).model_dump(exclude=set(PARTS)) == wanted]
        own = number % len(run.encoders)
        return own if own in alike or not alike else alike[number % len(alike)]

    def _learning(self, encoder: nn.Module) -> frozenset[str]:
        """Return the names of the encoder's weights that are trained."""
        tuned = self.tuned
        names = [name for name, _ in encoder.named_parameters()]
        if tuned.strategy == "feature" or tuned.strategy.startswith(FIXED):
            return frozenset()
        if tuned.strategy == "partial":
            return frozenset(name for block in blocks_of(encoder)[-tuned.blocks :] for name in block)
        if tuned.strategy in ("adapter", "prompt", "prefix"):
            return frozenset(name for name in names if any(part in name for part in INSERTED))
        return frozenset(names)


def finished(predictor: Predictor) -> Predictor:
    """Return the predictor as it is kept: low-rank additions are part of the weights they were added to."""
    for member in predictor.members:
        merge_lora(member.encoder)  # type: ignore[arg-type]
    return predictor


def trainable(member: Member) -> tuple[int, int]:
    """Return how many numbers of a member are trained, head included, and how many it has."""
    weights = list(member.parameters())
    return sum(w.numel() for w in weights if w.requires_grad), sum(w.numel() for w in weights)


def bare(model: ModelSpec) -> ModelSpec:
    """Return the network from random weights, where those of a run follow."""
    fields = type(model).model_fields
    without: dict[str, object] = {"pretrained": False} if "pretrained" in fields else {}
    return model.model_copy(update=without | ({"weights": None} if "weights" in fields else {}))
