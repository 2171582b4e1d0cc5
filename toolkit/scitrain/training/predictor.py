"""The network that is kept: raw rows in, predictions in the target's own unit out."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from scitrain.contracts.model import InputShape, ModelSpec
from scitrain.data.options import Task
from scitrain.models._encoder import Encoder
from scitrain.training.heads import POINT, Head
from scitrain.training.mixed_head import MixedHead, class_logits, class_probabilities
from scitrain.training.transforms import input_transform

__all__ = ["Member", "Predictor", "build_member", "build_predictor", "kinds_of"]


class Member(nn.Module):
    """One network of an ensemble: an encoder and a linear head."""

    doubt: nn.Parameter | None
    """(targets,) log variances that weigh the targets while it is trained, behind its outputs; None once it is."""

    def __init__(self, encoder: Encoder, n_outputs: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.width, n_outputs)
        self.doubt = None

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Map transformed rows (batch, …) to outputs (batch, n_outputs) and features (batch, width)."""
        features: Tensor = self.encoder(rows)
        outputs: Tensor = self.head(features)
        if self.doubt is not None:
            outputs = torch.cat([outputs, self.doubt.expand(len(outputs), -1)], dim=1)
        return outputs, features


def kinds_of(members: Iterable[nn.Module]) -> dict[str, list[int]]:
    """Return the places of members by what they read; empty where all read the same."""
    found: dict[str, list[int]] = {}
    for place, member in enumerate(members):
        found.setdefault(str(getattr(getattr(member, "encoder", None), "reads", "")), []).append(place)
    return found if len(found) > 1 else {}


class Predictor(nn.Module):
    """Input transform → members → output transform.

    With member outputs l₁ … l_K:

    - regression: what the `Head` makes of them; a point is ŷ = shift + scale · mean l_k, its spread the standard deviation (K − 1).
    - binary, multilabel: p̄ = mean σ(l_k), logit = ln(p̄ / (1 − p̄)), p = σ(logit / T) with a temperature T a target.
    - multiclass: p̄ = mean softmax(l_k), logit = ln p̄, p = softmax(logit / T) with one temperature T.
    - mixed: each target as its own task, with a temperature a target, side by side (`MixedHead`).

    Spread is zero with one member, unless the head tells it. No control flow depends on data, so any batch size can be exported.
    """

    shift: Tensor
    """Mean of the targets (n_outputs,), in the target's unit."""
    scale: Tensor
    """Standard deviation of the targets (n_outputs,), in the target's unit."""
    temperature: Tensor
    """(n_outputs,), or (1,) for multiclass."""
    stored: str = "fp32"
    """How the weights lie in files; they are computed with as float32."""

    def __init__(
        self,
        task: Task,
        inputs: nn.Module,
        members: Sequence[Member],
        n_outputs: int,
        inner: InputShape,
        head: Head = POINT,
    ) -> None:
        super().__init__()
        self.task: str = task
        self.n_outputs = n_outputs
        self.inner = inner
        self.head = head
        self.inputs = inputs
        self.members = nn.ModuleList(members)
        self.register_buffer("shift", torch.zeros(n_outputs))
        self.register_buffer("scale", torch.ones(n_outputs))
        self.register_buffer("temperature", torch.ones(1 if task == "multiclass" else n_outputs))

    @property
    def tells_spread(self) -> bool:
        """Tell whether the spread of a regression says how sure it is: one network with a point says nothing of it."""
        return len(self.members) > 1 or self.head.tells_spread

    def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Return prediction and spread, both (n, n_outputs), representation (n, sum of the members' widths), the head's own."""
        outputs, representation = self.run_members(rows)
        prediction, spread, *further = self.combine(outputs)
        return prediction, spread, representation, *further

    def combine(self, outputs: Tensor) -> tuple[Tensor, ...]:
        """Return prediction and spread, both (n, n_outputs), and what the head says besides, of outputs (members, n, …)."""
        if self.task == "regression":
            return self.head.combine(outputs, self.scale, self.shift)
        if isinstance(self.head, MixedHead):
            return self.head.said(outputs, self.scale, self.shift, self.temperature)
        return class_probabilities(self.task, outputs, self.temperature)

    def run_members(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return each member's raw outputs (members, n, n_outputs), and all features (n, widths)."""
        ready = self.inputs(rows)
        outputs: list[Tensor] = []
        features: list[Tensor] = []
        for member in self.members:
            output, feature = member(ready)
            outputs.append(output)
            features.append(feature)
        return torch.stack(outputs), torch.cat(features, dim=1)

    @torch.jit.export
    def logits(self, rows: Tensor) -> Tensor:
        """Return (n, n_outputs): the ensemble's logits before the temperature, or the prediction of numbers."""
        outputs, _ = self.run_members(rows)
        if self.task == "regression":
            return (self.head.centre(outputs) * self.scale + self.shift).mean(dim=0)
        return self.pool(outputs)

    @torch.jit.unused
    def set_temperature(self, values: Sequence[float] | np.ndarray) -> None:
        """Set the temperatures, one a target (multiclass: one); a number's is 1."""
        if isinstance(self.head, MixedHead):
            values = np.repeat(np.asarray(values, np.float32), [slot.end - slot.start for slot in self.head.slots])
        self.temperature.copy_(torch.as_tensor(np.asarray(values, np.float32)).reshape(self.temperature.shape))

    def pool(self, outputs: Tensor) -> Tensor:
        """Return the logits of the mean probability, and numbers of mixed targets in their unit."""
        if isinstance(self.head, MixedHead):
            return self.head.pooled(outputs, self.scale, self.shift)
        return class_logits(self.task, outputs)


def build_member(model: ModelSpec, shape: InputShape, n_outputs: int) -> Member:
    """Build one untrained member.

    Raises:
        ScitrainError: The family does not read rows of this shape.
    """
    return Member(model.build(shape), n_outputs)


def build_predictor(
    task: Task, model: ModelSpec, inner: InputShape, n_outputs: int, members: int, head: Head = POINT
) -> Predictor:
    """Build a predictor to load trained weights into; pretrained weights are not fetched.

    Args:
        task: What is predicted.
        model: Family and options of the members.
        inner: Shape of a row as the members read it, behind the input transform.
        n_outputs: Targets, or classes for ``multiclass``.
        members: Networks of the ensemble.
        head: What they say of a number.

    Raises:
        ScitrainError: The family does not read rows of this shape.
    """
    fields = type(model).model_fields
    without = {"pretrained": False} if "pretrained" in fields else {}
    bare = model.model_copy(update={**without, **({"weights": None} if "weights" in fields else {})})
    specs = [bare.of_member(number) for number in range(members)]
    networks = [build_member(spec, inner, n_outputs * head.columns) for spec in specs]
    return Predictor(task, input_transform(inner), networks, n_outputs, inner, head)
