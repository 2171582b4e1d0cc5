"""Train a head on features that are computed once: an epoch costs a matrix product."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from scitrain.contracts.model import InputShape, ModelSpec
from scitrain.models._encoder import Encoder
from scitrain.runs import Run
from scitrain.training.fit import fit
from scitrain.training.journal import OnEpoch
from scitrain.training.learning import Fitted, Learning
from scitrain.training.predictor import Member, Predictor
from scitrain.training.start import Pace, Start
from scitrain.training.transforms import ImageInput
from scitrain.transfer.beginning import Beginning

__all__ = ["Body", "body_of", "features_of", "fit_head"]

BATCH = 256


class _Passing(Encoder):
    """Hands on features that are there already."""

    vectorises = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, rows: Tensor) -> Tensor:
        """Return the features (batch, width) as they are."""
        return rows


@dataclass(frozen=True)
class _Probe(Start):
    """A head alone, on features of ``width`` numbers."""

    width: int

    def inputs(self, shape: InputShape, rows: np.ndarray, chosen: np.ndarray) -> tuple[nn.Module, InputShape]:
        """Leave the features as they are."""
        return nn.Identity(), shape

    def member(self, model: ModelSpec, inner: InputShape, n_outputs: int, number: int) -> Member:
        """Return a linear head."""
        return Member(_Passing(self.width), n_outputs)

    def paces(self, member: Member) -> Mapping[str, Pace]:
        """Train it at the learning rate."""
        return {}

    def key(self) -> str:
        """Tell it apart from the whole network."""
        return f"head on {self.width} features"


@dataclass(frozen=True)
class Body:
    """A frozen encoder with the transform of its rows."""

    inputs: nn.Module
    inner: InputShape
    encoder: Encoder


def body_of(learning: Learning, beginning: Beginning) -> Body:
    """Build the encoder that ``beginning`` begins from, in evaluation mode."""
    inputs, inner = beginning.inputs(learning.shape, learning.x, learning.train)
    encoder = beginning.member(learning.model, inner, learning.n_outputs, 0).encoder.eval()
    if encoder.statistics is not None and isinstance(inputs, ImageInput):
        inputs.fix(*map(np.array, encoder.statistics))
    return Body(inputs.eval(), inner, encoder)


def features_of(body: Body, x: np.ndarray, rows: np.ndarray, device: str, run: Run | None = None) -> np.ndarray:
    """Return the encoder's features of some rows of (n, …), float32 (rows, width)."""
    inputs, encoder = body.inputs.to(device), body.encoder.to(device)
    found = np.zeros((len(rows), encoder.width), np.float32)
    with torch.no_grad():
        for start in range(0, len(rows), BATCH):
            some = torch.from_numpy(np.ascontiguousarray(x[rows[start : start + BATCH]])).to(device)
            found[start : start + BATCH] = encoder(inputs(some)).float().cpu().numpy()
            if run is not None:
                run.progress("features", start, len(rows), f"frozen network on rows {start:,} of {len(rows):,}")
    body.inputs.cpu()
    body.encoder.cpu()
    return found


def fit_head(learning: Learning, body: Body, run: Run, device: str, on_epoch: OnEpoch | None = None) -> Fitted:
    """Train the head on features of the training and validation rows, and return it as a whole network.

    Features are standardised by the training rows while it learns; W (f − m) / s + b is kept as (W / s) f + (b − W m / s).
    """
    rows = np.concatenate([learning.train, learning.val])
    found = features_of(body, learning.x, rows, device, run)
    mean, std = found[: len(learning.train)].mean(0), found[: len(learning.train)].std(0)
    std = np.where(std > 1e-6, std, 1.0).astype(np.float32)
    of_head = replace(
        learning,
        x=(found - mean) / std,
        y=learning.y[rows],
        train=np.arange(len(learning.train)),
        val=np.arange(len(learning.train), len(rows)),
        shape=InputShape("vector", (body.encoder.width,)),
        options=learning.options.model_copy(update={"augment": False}),
        start=_Probe(body.encoder.width),
    )
    fitted = fit(of_head, run, on_epoch)
    return replace(fitted, predictor=_whole(fitted.predictor, learning, body, mean, std))


def _whole(heads: Predictor, learning: Learning, body: Body, mean: np.ndarray, std: np.ndarray) -> Predictor:
    """Put the heads onto the body."""
    members = []
    for number, trained in enumerate(heads.members):
        learned: nn.Linear = trained.head  # type: ignore[assignment]
        member = Member(copy.deepcopy(body.encoder) if number else body.encoder, learned.out_features)
        with torch.no_grad():
            weight = learned.weight / torch.from_numpy(std)
            member.head.weight.copy_(weight)
            member.head.bias.copy_(learned.bias - weight @ torch.from_numpy(mean))
        members.append(member)
    whole = Predictor(learning.task, body.inputs, members, learning.n_outputs, body.inner, learning.head)
    for name in ("shift", "scale", "temperature"):
        getattr(whole, name).copy_(getattr(heads, name))
    return whole.eval()
