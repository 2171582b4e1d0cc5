"""The numbers of few-shot learning in the usual form: each with its interval, and what it was compared with."""

from collections.abc import Mapping

import numpy as np

from scitrain.evaluation.bootstrap import Interval, Resampling, replicate
from scitrain.evaluation.calibration import reliability
from scitrain.evaluation.metrics import CLIP, METRICS, Metric, equal_mass_bins
from scitrain.evaluation.report import BaselineValue, Evaluation, MetricRow
from scitrain.evaluation.scoring import Column
from scitrain.evaluation.trust import Calibration
from scitrain.evaluation.verdict import Outcome, Verdict
from scitrain.fewshot.measuring import NEIGHBOUR, RAW, Measured, difference, mean_of
from scitrain.fewshot.prototypes import Array, confidences
from scitrain.workflow.few_shot_rows import NO_CALIBRATION, Support

__all__ = ["of_episodes", "of_support"]

LEVEL = 0.95
OUTCOMES: dict[Outcome, str] = {
    "beats": "beat",
    "does_not_beat": "do not beat",
    "cannot_tell": "cannot be told from",
}
UNCALIBRATED = "confidences are not calibrated: one shot, and no base classes to calibrate by"


def of_episodes(found: Measured, target: str, seed: int) -> Evaluation:
    """Return accuracy (mean over episodes), log loss and calibration error with intervals over episodes, paired with the rivals."""
    rivals = {name: (found.right[name], mean_of(found.right[name], seed)) for name in found.right if name}
    own = mean_of(found.right[""], seed)
    baselines = {
        name: _beside(value, difference(found.right[""], shares, seed)) for name, (shares, value) in rivals.items()
    }
    rows = [_row("accuracy", target, own, len(found.episodes), baselines)]
    if found.p is None:
        nothing = Interval(None, reason=UNCALIBRATED)
        rows += [_row(name, target, nothing, len(found.episodes)) for name in ("log_loss", "ece")]
        curves: tuple[Calibration, ...] = ()
    else:
        truth = np.take_along_axis(found.p, found.answers[..., None], axis=2)[..., 0]
        loss = -np.log(np.clip(truth, CLIP, 1)).mean(axis=1)
        rows.append(_row("log_loss", target, mean_of(loss, seed), len(found.episodes)))
        rows.append(_row("ece", target, _calibration_error(found.p, found.answers, seed), len(found.episodes)))
        size = found.answers.size
        column = Column(np.arange(size), found.answers.ravel().astype(float), found.p.reshape(size, -1))
        curves = (Calibration(target=target, reliability=reliability(column)),)
    rival = RAW if RAW in rivals else NEIGHBOUR
    return _evaluation(rows, _verdict(rows[0], rival, len(found.episodes), "episodes"), curves)


def _calibration_error(p: Array, answers: np.ndarray, seed: int) -> Interval:
    """Return the expected calibration error of the class said, over all queries; episodes are resampled whole."""
    confidence, hit = p.max(axis=2), p.argmax(axis=2) == answers
    bins = equal_mass_bins(confidence.ravel()).reshape(confidence.shape)
    gaps = np.stack([((confidence - hit) * (bins == b)).sum(axis=1) for b in range(bins.max() + 1)], axis=1)

    def error(counts: Array) -> Array:
        return np.asarray((np.abs(counts @ gaps).sum(axis=1) / (counts.sum(axis=1) * answers.shape[1]))[:, None])

    return replicate(error, Resampling(len(gaps), seed=seed)).intervals()[0]


def of_support(support: Support, target: str, seed: int) -> Evaluation:
    """Return what the support rows say of themselves, each told by prototypes made without it."""
    if support.held is None or support.temperature is None:
        nothing = Interval(None, reason=NO_CALIBRATION)
        return _evaluation([_row("accuracy", target, nothing, 0)], None, ())
    held = support.held
    n = len(held.answers)
    right = (held.distances.argmin(axis=1) == held.answers).astype(float)
    others = (held.neighbour == held.answers).astype(float)
    beside = {NEIGHBOUR: _beside(mean_of(others, seed), difference(right, others, seed))}
    rows = [_row("accuracy", target, mean_of(right, seed), n, beside)]
    p = np.clip(confidences(held.distances, support.temperature)[np.arange(n), held.answers], CLIP, 1)
    rows.append(_row("log_loss", target, mean_of(-np.log(p), seed), n))
    return _evaluation(rows, _verdict(rows[0], NEIGHBOUR, n, "support rows"), ())


def _row(
    name: str, target: str, found: Interval, n: int, baselines: Mapping[str, BaselineValue] | None = None
) -> MetricRow:
    metric: Metric = METRICS[name]
    return MetricRow(
        name=name,
        title=metric.title,
        target=target,
        value=found.value,
        low=found.low,
        high=found.high,
        level=LEVEL,
        unit="",
        n=n,
        split="test",
        higher_is_better=metric.higher_is_better,
        reason=found.reason,
        baselines=dict(baselines or {}),
    )


def _beside(value: Interval, apart: Interval) -> BaselineValue:
    return BaselineValue(
        value=value.value,
        low=value.low,
        high=value.high,
        difference=apart.value,
        difference_low=apart.low,
        difference_high=apart.high,
        reason=value.reason or apart.reason,
    )


def _verdict(row: MetricRow, rival: str, n: int, what: str) -> Verdict:
    other = row.baselines[rival]
    low, high = other.difference_low, other.difference_high
    outcome: Outcome = (
        "beats" if low is not None and low > 0 else "does_not_beat" if high is not None and high < 0 else "cannot_tell"
    )
    numbers = f"accuracy {row.value:.3g} against {other.value:.3g} over the same {n:,} {what}"
    apart = (
        str(other.reason)
        if low is None or high is None
        else f"difference {other.difference:+.2g} (95 % interval {low:+.2g} to {high:+.2g})"
    )
    return Verdict(
        outcome=outcome,
        sentence=f"Prototypes {OUTCOMES[outcome]} the {rival}: {numbers}, {apart}.",
        baseline=rival,
        metric="accuracy",
        unit="",
        n=n,
        model=row.value,
        best=other.value,
        improvement=other.difference,
        low=low,
        high=high,
    )


def _evaluation(rows: list[MetricRow], verdict: Verdict | None, curves: tuple[Calibration, ...]) -> Evaluation:
    return Evaluation(
        metrics=tuple(rows), primary="accuracy", verdict=verdict, calibration=curves, conformal=None, domain=None
    )
