"""Fit a head to features that are computed once."""

import copy
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from pydantic import JsonValue
from torch import nn

from scitrain.contracts.model import InputShape
from scitrain.models._encoder import Encoder
from scitrain.runs import Run
from scitrain.training.journal import LOG
from scitrain.training.learning import Fitted, Learning
from scitrain.training.predictor import Member, Predictor
from scitrain.training.transforms import ImageInput
from scitrain.transfer.beginning import Beginning
from scitrain.transfer.linear_head import LinearHead, fit_linear_head

__all__ = ["Body", "body_of", "features_of", "fit_head"]

BATCH = 256


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


def fit_head(learning: Learning, body: Body, run: Run, device: str) -> Fitted:
    """Fit the head to features of the training and validation rows by its exact minimum, and return it as a whole network.

    Features are standardised by the training rows while it learns; W (f − m) / s + b is kept as (W / s) f + (b − W m / s).
    """
    begin = time.monotonic()
    rows = np.concatenate([learning.train, learning.val])
    found = features_of(body, learning.x, rows, device, run)
    mean, std = found[: len(learning.train)].mean(0), found[: len(learning.train)].std(0)
    std = np.where(std > 1e-6, std, 1.0).astype(np.float32)
    of_head = replace(
        learning,
        x=((found - mean) / std).astype(np.float32),
        y=learning.y[rows],
        train=np.arange(len(learning.train)),
        val=np.arange(len(learning.train), len(rows)),
    )
    asked = learning.options.weight_decay
    head = fit_linear_head(of_head, None if asked == "auto" else asked, lambda done, of: _tell(run, done, of))
    run.decide("shrinkage", head.shrinkage, head.why)
    whole = _whole(head, learning, body, mean, std)
    facts = _facts(head, whole, len(learning.train), device, time.monotonic() - begin)
    run.write_json(LOG, {"epochs": head.history, **facts})
    last = [len(head.history)] * len(whole.members)
    return Fitted(whole, head.history, last[0], last, str(facts["stopped"]), facts)


def _tell(run: Run, done: int, of: int) -> None:
    run.progress("train", done, of, "how much the head is shrunk")


def _facts(head: LinearHead, whole: Predictor, rows: int, device: str, seconds: float) -> dict[str, JsonValue]:
    last = [len(head.history)] * len(whole.members)
    return {
        "stopped": "the exact minimum was found",
        "best_epoch": last[0],
        "best_epochs": list(last),
        "steps": head.steps,
        "seconds": round(seconds, 3),
        "device": device,
        "processes": 1,
        "parallel": "single",
        "precision": "32",
        "batch_size": rows,
        "weight_decay": head.shrinkage,
        "parameters": sum(weight.numel() for weight in whole.parameters()),
        "members": len(whole.members),
        "augment": [],
    }


def _whole(head: LinearHead, learning: Learning, body: Body, mean: np.ndarray, std: np.ndarray) -> Predictor:
    """Put the heads onto the body."""
    members = []
    for number, (learned, bias) in enumerate(zip(head.weights, head.biases, strict=True)):
        member = Member(copy.deepcopy(body.encoder) if number else body.encoder, len(bias))
        with torch.no_grad():
            weight = learned / torch.from_numpy(std)
            member.head.weight.copy_(weight)
            member.head.bias.copy_(bias - weight @ torch.from_numpy(mean))
        members.append(member)
    whole = Predictor(learning.task, body.inputs, members, learning.n_outputs, body.inner, learning.head)
    whole.shift.copy_(torch.from_numpy(head.shift))
    whole.scale.copy_(torch.from_numpy(head.scale))
    return whole.eval()
