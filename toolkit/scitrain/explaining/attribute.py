"""Attributions of rows to the values of their arrays, by captum.

Integrated gradients doi:10.48550/arXiv.1703.01365; expected gradients (GradientShap) doi:10.48550/arXiv.1705.07874; captum
doi:10.48550/arXiv.2009.07896.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from captum.attr import (
    FeatureAblation,
    GradientShap,
    IntegratedGradients,
    LayerIntegratedGradients,
)
from torch import Tensor, nn

from scitrain.errors import ScitrainError
from scitrain.explaining.deep_lift import BACKGROUND, INSTEAD, MOST_ERROR, deep_lift_shap
from scitrain.explaining.elements import element_values
from scitrain.explaining.function import Explained, MeanLogits
from scitrain.explaining.maps import grad_cam, windows
from scitrain.explaining.methods import Method
from scitrain.explaining.part import Part, Way
from scitrain.models._encoder import Encoder

__all__ = ["Attributed", "Question", "attribute"]

STEPS = (32, 128)
"""Points of a path; more are taken while the error is above `ERROR`."""
ERROR = 0.02
SAMPLES = 512
"""Background rows drawn for each row by SHAP."""
BATCH = 2048
ROWS = 16
TOKENS = 1 << 13
"""Tokens that a pretrained Transformer takes at once with all that its gradient needs."""
PATH = ("integrated_gradients", "shap", "deep_lift_shap")
"""Methods whose attributions must add up to f(x) − f(baseline)."""


@dataclass(frozen=True)
class Question:
    """What is asked of a network, in arrays."""

    explained: Explained
    x: np.ndarray
    """(n, …) rows; NaN where a value is missing."""
    baseline: np.ndarray
    """(n, …) baseline of each row."""
    outputs: np.ndarray
    """int (n,): output of the network that is explained in each row."""
    background: np.ndarray
    """(m, …) training rows, for SHAP."""
    groups: np.ndarray
    """int (…): values of a row that are occluded together."""
    seed: int = 42


@dataclass(frozen=True)
class Attributed:
    """Attributions of n rows, in the unit of f."""

    values: np.ndarray
    """(n, …), shaped like the rows; 0 for what is missing."""
    difference: np.ndarray
    """(n,): f(x) − f(baseline), of SHAP f(x) − mean f(background)."""
    error: float | None
    """Σ |sum of attributions − difference| / Σ |difference| of a path method; None of the others, which need not add up."""
    steps: int | None = None
    """Points of the path, or rows drawn."""


def attribute(method: Method, question: Question, tick: Callable[[int], None] = lambda done: None) -> Attributed:
    """Attribute each row's prediction to its values.

    Args:
        method: Not ``permutation``, which tells nothing of single rows.
        question: Network and rows.
        tick: Told how many rows are done.

    Raises:
        ScitrainError: The network has no part that the method needs.
    """
    if "amounts" in question.explained.predictor.inner.blocks:
        return _of_elements(method, question, tick)
    if method != "integrated_gradients":
        steps = {"shap": SAMPLES, "deep_lift_shap": min(BACKGROUND, len(question.background))}.get(method)
        if method == "deep_lift_shap":
            question = replace(question, explained=MeanLogits(question.explained.predictor))
        with _seeded(question.seed):
            found = replace(_run(method, question, _ways(question)[method], tick), steps=steps)
        if method == "deep_lift_shap" and found.error is not None and found.error > MOST_ERROR:
            raise ScitrainError(
                f"deep_lift_shap does not describe this network: its values miss the predictions by {found.error:.0%} (at most "
                f"{MOST_ERROR:.0%}); {INSTEAD}"
            )
        return found
    found = replace(_run(method, question, _path(question, STEPS[0]), tick), steps=STEPS[0])
    for steps in STEPS[1:]:
        if found.error is None or found.error <= ERROR:
            break
        found = replace(_run(method, question, _path(question, steps), tick), steps=steps)
    return found


def _of_elements(method: Method, question: Question, tick: Callable[[int], None]) -> Attributed:
    nothing = _mean_of_background(question, method).cpu().numpy()
    values, difference = np.zeros(question.x.shape, np.float32), np.zeros(len(question.x))
    for row, output in enumerate(question.outputs):
        asked = question.explained, question.x[row], int(output), float(nothing[output])
        found, difference[row] = element_values(*asked, method == "shap", question.seed)
        values[row, : len(found)] = found
        tick(row + 1)
    return Attributed(values, difference, _error(values, difference) if method in PATH else None)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw alike each time, and leave the generators of others as they were; captum draws from both global ones."""
    kept = np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(kept)  # noqa: NPY002


def _run(method: Method, question: Question, way: Way, tick: Callable[[int], None]) -> Attributed:
    values = np.zeros(question.x.shape, np.float32)
    difference = np.zeros(len(question.x))
    background = _mean_of_background(question, method) if method in ("shap", "deep_lift_shap") else None
    # cuDNN's recurrent layers go backward in training mode alone
    with torch.backends.cudnn.flags(enabled=False), _as_given(question.explained):
        for start in range(0, len(question.x), ROWS):
            rows = slice(start, start + ROWS)
            part = _part(question, rows)
            values[rows][..., : part.x.shape[-1]] = way(part).detach().cpu().numpy()
            ends = part.says(part.x) - part.says(part.baseline)
            if background is not None:
                ends = part.says(part.x) - background[part.outputs]
            difference[rows] = ends.cpu().numpy()
            tick(min(start + ROWS, len(question.x)))
    values[~np.isfinite(question.x)] = 0.0
    return Attributed(values, difference, _error(values, difference) if method in PATH else None)


@contextmanager
def _as_given(explained: Explained) -> Iterator[None]:
    """Let encoders neither sort nor cut rows: what is put in the place of a layer's output belongs to rows as they stand."""
    encoders = _encoders(explained)
    for encoder in encoders:
        encoder.as_given = True
    try:
        yield
    finally:
        for encoder in encoders:
            encoder.as_given = False


def _encoders(explained: Explained) -> list[Encoder]:
    return [module for module in explained.predictor.members.modules() if isinstance(module, Encoder)]


def _error(values: np.ndarray, difference: np.ndarray) -> float:
    sums = values.reshape(len(values), -1).sum(axis=1, dtype=np.float64)
    return float(np.abs(sums - difference).sum() / max(np.abs(difference).sum(), 1e-12))


def _part(question: Question, rows: slice) -> Part:
    device = question.explained.predictor.shift.device
    width = _longest(question, rows)
    some = question.x[rows][..., :width]
    gone = ~np.isfinite(some)
    baseline = question.baseline[rows][..., :width]
    whole = np.where(gone, baseline, some)
    missing = torch.from_numpy(gone).to(device) if gone.any() else None
    tensors = (torch.from_numpy(np.ascontiguousarray(a)).to(device) for a in (whole, baseline, question.outputs[rows]))
    x, base, outputs = tensors
    return Part(question.explained, x.requires_grad_() if x.is_floating_point() else x, base, outputs, missing)


def _longest(question: Question, rows: slice) -> int:
    """Return how much of some rows is more than padding, where the network pays for each token; else all of it."""
    if not any(encoder.sorts for encoder in _encoders(question.explained)):
        return int(question.x.shape[-1])
    return max(1, int((question.x[rows] > 0).sum(axis=-1).max()))


def _mean_of_background(question: Question, method: Method) -> Tensor:
    device = question.explained.predictor.shift.device
    rows = _whole_background(question)[: BACKGROUND if method == "deep_lift_shap" else None]
    with torch.no_grad():
        said: Tensor = question.explained(torch.from_numpy(rows).to(device))
        return said.mean(dim=0)


def _whole_background(question: Question) -> np.ndarray:
    return np.where(np.isfinite(question.background), question.background, question.baseline[:1])


def _background(part: Part, question: Question) -> Tensor:
    return torch.from_numpy(_whole_background(question)).to(part.x.device)


def _ways(question: Question) -> dict[Method, Way]:
    return {
        "shap": lambda part: _shap(part, question),
        "deep_lift_shap": lambda part: deep_lift_shap(part, _background(part, question)),
        "occlusion": lambda part: (
            windows(part) if part.x.dim() == 4 else _ablation(part, question.groups[..., : part.x.shape[-1]])
        ),
        "grad_cam": grad_cam,
    }


def _path(question: Question, steps: int) -> Way:
    def way(part: Part) -> Tensor:
        pretrained = any(encoder.sorts for encoder in _encoders(part.explained))
        batch = TOKENS // part.x.shape[-1] if pretrained else BATCH
        common = {"target": part.outputs, "n_steps": steps, "internal_batch_size": max(batch, ROWS)}
        if part.x.is_floating_point():
            more = None if part.missing is None else (part.missing,)
            made = IntegratedGradients(part.explained)
            along: Tensor = made.attribute(part.x, part.baseline, additional_forward_args=more, **common)
            return along
        layers = _embeddings(part.explained)
        with warnings.catch_warnings():
            # the embeddings of several members do not feed one another, which captum asks to be sure of
            warnings.filterwarnings("ignore", "Multiple layers provided")
            found = LayerIntegratedGradients(part.explained, layers).attribute(part.x, part.baseline, **common)
        return torch.stack([one[0] if isinstance(one, tuple) else one for one in found]).sum(dim=(0, 3))

    return way


def _embeddings(explained: Explained) -> list[nn.Module]:
    found = [layer for encoder in _encoders(explained) for layer in encoder.embeddings()]
    if not found:
        raise ScitrainError("this network has no embedding to follow a path in; method='occlusion' explains it")
    return found


def _shap(part: Part, question: Question) -> Tensor:
    background = _background(part, question)
    made = GradientShap(part.explained)
    found = torch.zeros_like(part.x)
    for at in range(len(part.x)):  # by rows, so that 512 samples of one fit into memory
        more = None if part.missing is None else (part.missing[at : at + 1],)
        one = slice(at, at + 1)
        found[one] = made.attribute(
            part.x[one],
            background,
            n_samples=SAMPLES,
            stdevs=0.0,
            target=part.outputs[one],
            additional_forward_args=more,
        ).detach()
    return found


def _ablation(part: Part, groups: np.ndarray) -> Tensor:
    """Return f(x) − f(x with a group at the baseline), shared evenly by the values of the group that differ from it."""
    made = FeatureAblation(part.explained)
    found = torch.zeros(part.x.shape, device=part.x.device)
    ids = torch.from_numpy(groups).to(part.x.device)
    for at in range(len(part.x)):
        row, base = part.x[at : at + 1].detach(), part.baseline[at : at + 1]
        differs = row != base
        seen = torch.unique(ids[differs[0]])
        if not len(seen):
            continue
        # all that equals the baseline, or belongs to no group that differs, is one group that changes nothing
        mask = torch.where(
            torch.isin(ids, seen), torch.searchsorted(seen, ids.clamp(max=int(seen[-1]))) + 1, 0
        ).unsqueeze(0)
        more = None if part.missing is None else (part.missing[at : at + 1],)
        whole = made.attribute(
            row,
            base,
            target=int(part.outputs[at]),
            additional_forward_args=more,
            feature_mask=mask,
            perturbations_per_eval=64,
        )
        share = torch.zeros(len(seen) + 1, device=row.device).scatter_add_(0, mask.flatten(), differs.flatten().float())
        found[at] = (whole / share.clamp(min=1)[mask] * differs)[0]
    return found
