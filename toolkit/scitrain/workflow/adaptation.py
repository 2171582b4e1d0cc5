"""What adapting was worth: measured once on the target's test rows, told, drawn and written down."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import JsonValue

from scitrain.evaluation.bootstrap import NOTHING, Interval
from scitrain.evaluation.problem import Problem
from scitrain.evaluation.scoring import Scores, score_by
from scitrain.fewshot.plane import flatten
from scitrain.figures.adaptation import Trained, adaptation
from scitrain.figures.domains import Plane, domains_apart
from scitrain.figures.save import save
from scitrain.figures.words import joined
from scitrain.runs import Run
from scitrain.spec import Spec
from scitrain.training.options import AdaptMethod
from scitrain.training.predict import predict_array
from scitrain.workflow.adapted import ORACLE, SOURCE, Adapted, Arm
from scitrain.workflow.domains import Domains

__all__ = ["ADAPTATION", "ArmRow", "Told", "told", "write_told"]

ADAPTATION = "results/adaptation.json"
GAIN, APART = "figures/adaptation.png", "figures/domains.png"
RESAMPLES = 2000
DRAWN = 250
"""Rows of each domain that are drawn."""
Outcome = Literal["beats", "does_not_beat", "cannot_tell", "not_measured"]


class ArmRow(Spec):
    """One way of training."""

    name: str
    validation: float | None
    """On the source's validation rows."""
    weighted: float | None
    """The same, each row weighted as the target's are spread."""
    proxy_a_distance: float
    """0: a linear classifier of the features cannot tell the domains apart; 2: it always can."""
    source_test: float | None
    """On held-out rows of the source: what adapting costs there."""
    test: float | None
    """On the target's test rows."""
    low: float | None
    high: float | None
    gain: float | None
    """Improvement over source-only, paired, positive where better."""
    gain_low: float | None
    gain_high: float | None
    epochs: int
    best_epoch: int
    seconds: float


class Told(Spec):
    """What is known of an adaptation; JSON of ``results/adaptation.json``."""

    source: str
    target: str
    rows: dict[str, JsonValue]
    """Rows of both domains, and what each part of the target was for."""
    kept: str
    why: str
    weights: dict[AdaptMethod, float]
    """Of each method."""
    metric: str
    title: str
    unit: str | None
    higher_is_better: bool
    n: int
    """Test rows of the target."""
    effective_validation_rows: float
    """Of the source's validation rows, weighted as the target's are spread."""
    arms: list[ArmRow]
    outcome: Outcome
    sentences: list[str]
    """In words: whether it beats source-only, how far the domains lie apart, what the oracle reaches."""

    def row(self, name: str) -> ArmRow | None:
        """Return one way of training, or None."""
        return next((row for row in self.arms if row.name == name), None)


def told(domains: Domains, x: np.ndarray, found: Adapted, weights: dict[AdaptMethod, float]) -> Told:
    """Measure every network once on the target's test rows, and compare it in pairs with source-only."""
    prepared, metric = domains.prepared, found.metric
    problem = Problem(prepared.task, prepared.targets)
    test = prepared.split["test"] if domains.measured else np.zeros(0, dtype=np.int64)
    on_target = [_scores(domains, x, arm, found, test) for arm in found.arms]
    on_source = [_scores(domains, x, arm, found, domains.source_test) for arm in found.arms]
    first = on_target[0]
    gains = [_gain(found, scores, first) for scores in on_target]
    rows = [
        _row(arm, found, _mean(here, found), gain, _mean(there, found).value)
        for arm, here, there, gain in zip(found.arms, on_target, on_source, gains, strict=True)
    ]
    source, target = domains.names
    draft = Told(
        source=source,
        target=target,
        rows=prepared.report["domains"],
        kept=found.kept.name,
        why=found.why,
        weights=weights,
        metric=metric.name,
        title=metric.title,
        unit=metric.unit(problem.unit(None, metric.power)) if problem.one_unit else None,
        higher_is_better=metric.higher_is_better,
        n=len(test),
        effective_validation_rows=round(found.weights.effective, 1),
        arms=rows,
        outcome="not_measured",
        sentences=[],
    )
    draft = draft.model_copy(update={"outcome": _outcome(draft)})
    return draft.model_copy(update={"sentences": _sentences(draft)})


def _scores(domains: Domains, x: np.ndarray, arm: Arm, found: Adapted, rows: np.ndarray) -> Scores | None:
    if len(rows) == 0:
        return None
    prepared = domains.prepared
    said = predict_array(arm.fitted.predictor, x[rows]).prediction
    return score_by(found.metric, prepared.task, prepared.y[rows], said, RESAMPLES)


def _mean(scores: Scores | None, found: Adapted) -> Interval:
    return NOTHING if scores is None else scores.mean(found.metric)


def _gain(found: Adapted, scores: Scores | None, first: Scores | None) -> Interval:
    """Return by how much it is better than source-only."""
    if scores is None or first is None or scores is first:
        return NOTHING
    apart = scores.difference(found.metric, first)
    if found.metric.higher_is_better or apart.value is None:
        return apart
    low, high = (None if end is None else -end for end in (apart.high, apart.low))
    return Interval(-apart.value, low, high, apart.reason)


def _row(arm: Arm, found: Adapted, test: Interval, gain: Interval, source_test: float | None) -> ArmRow:
    return ArmRow(
        name=arm.name,
        validation=arm.validation,
        weighted=arm.weighted,
        proxy_a_distance=round(arm.proxy, 4),
        source_test=source_test,
        test=test.value,
        low=test.low,
        high=test.high,
        gain=gain.value,
        gain_low=gain.low,
        gain_high=gain.high,
        epochs=len(arm.fitted.history),
        best_epoch=arm.fitted.best_epoch,
        seconds=float(str(arm.fitted.facts["seconds"])),
    )


def _outcome(found: Told) -> Outcome:
    kept = found.row(found.kept)
    if not found.n or kept is None or kept.gain is None:
        return "not_measured"
    if kept.gain_low is None or kept.gain_high is None or kept.gain_low <= 0 <= kept.gain_high:
        return "cannot_tell"
    return "beats" if kept.gain_low > 0 else "does_not_beat"


def _sentences(found: Told) -> list[str]:
    return [
        _verdict(found),
        _apart(found),
        *filter(None, [_reached(found), _cost(found)]),
    ]


def _verdict(found: Told) -> str:
    kept, plain = found.row(found.kept), found.row(SOURCE)
    if found.outcome == "not_measured" or kept is None or plain is None:
        return (
            f"Whether {found.kept} beats {SOURCE} on {found.target} cannot be told: the target has no labels to measure by. Its test "
            "metrics are those of the source; some dozen labelled rows of the target would tell."
        )
    unit = f" {found.unit}" if found.unit else ""
    word = {
        "beats": f"{found.kept} beats {SOURCE} on the target",
        "does_not_beat": f"{found.kept} does not beat {SOURCE} on the target: it is worse",
        "cannot_tell": f"{found.kept} does not beat {SOURCE} on the target: the interval of the improvement includes zero",
    }[found.outcome]
    ends = (
        ""
        if kept.gain_low is None
        else f" (95% interval {_short(kept.gain_low)} to {_short(kept.gain_high)}{unit}, paired)"
    )
    return (
        f"{word}; test {found.title} {_short(kept.test)} against {_short(plain.test)}{unit}, n = {found.n:,}, improvement "
        f"{_short(kept.gain)}{ends}."
    )


def _apart(found: Told) -> str:
    kept, plain = found.row(found.kept), found.row(SOURCE)
    before, after = (0.0 if row is None else row.proxy_a_distance for row in (plain, kept))
    return (
        f"Proxy A-distance of the features {before:.2f} before, {after:.2f} after (2: a linear classifier always tells the domains "
        "apart; 0: it cannot)."
    )


def _reached(found: Told) -> str:
    """Say what labels of the target would be worth."""
    oracle, plain, kept = (found.row(name) for name in (ORACLE, SOURCE, found.kept))
    if oracle is None or plain is None or kept is None or oracle.test is None or oracle.gain is None:
        return ""
    unit = f" {found.unit}" if found.unit else ""
    labels = f"With {found.rows['oracle']:,} labels of the target an oracle reaches {_short(oracle.test)}{unit}"
    if oracle.gain <= 0:
        return f"{labels}, no better than {SOURCE}."
    if kept.gain is None or kept.gain <= 0:
        return f"{labels}."
    if kept.gain >= oracle.gain:
        return f"{labels}; {found.kept} is as good without any."
    return f"{labels}; {found.kept} closes {kept.gain / oracle.gain:.0%} of the way there from {SOURCE}."


def _cost(found: Told) -> str:
    kept, plain = found.row(found.kept), found.row(SOURCE)
    if kept is None or plain is None or kept.source_test is None or plain.source_test is None:
        return ""
    unit = f" {found.unit}" if found.unit else ""
    return f"On held-out rows of the source: {_short(kept.source_test)} against {_short(plain.source_test)}{unit} without adapting."


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def write_told(run: Run, found: Told, adapted: Adapted, seed: int) -> None:
    """Write ``results/adaptation.json`` and the figures."""
    run.write_json(ADAPTATION, found.model_dump(mode="json"))
    if found.n:
        entries = [
            Trained(
                row.name, (row.test, row.low, row.high), (row.gain, row.gain_low, row.gain_high), row.name == found.kept
            )
            for row in found.arms
        ]
        rows = joined(f"{found.n:,} test rows of {found.target}", "95 % intervals, paired")
        save(adaptation(entries, found.title, found.unit, found.higher_is_better, rows), run.file(GAIN))
    planes = [_plane(arm, seed) for arm in (adapted.source, adapted.kept)]
    save(domains_apart(planes, (found.source, found.target)), run.file(APART))


def _plane(arm: Arm, seed: int) -> Plane:
    """Return the features of some rows of both domains in the plane, of the first member."""
    parts: Sequence[np.ndarray] = [part[0][:: max(1, part.shape[1] // DRAWN)][:DRAWN] for part in arm.features]
    flat = flatten(np.concatenate(parts), seed)
    title = f"{arm.name}: proxy A-distance {arm.proxy:.2f}"
    return Plane(title, flat.at[: len(parts[0])], flat.at[len(parts[0]) :], flat.names)
