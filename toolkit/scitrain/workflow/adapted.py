"""Train a network on one domain such that it serves another: with each method, without any, and with the labels nobody has."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scitrain.evaluation.metrics import Metric
from scitrain.evaluation.problem import Problem
from scitrain.resources import choose_device
from scitrain.runs import Decision, Run
from scitrain.training.adapting import Adaptation
from scitrain.training.fit import fit
from scitrain.training.journal import LOG
from scitrain.training.learning import Fitted, Learning
from scitrain.training.outputs import Outputs
from scitrain.training.predict import predict_array
from scitrain.training.unrecorded import Unrecorded
from scitrain.transfer.domains import MOST, Weights, importance, proxy_distance, weighted
from scitrain.transfer.options import AdaptOptions
from scitrain.workflow.domains import Domains
from scitrain.workflow.stages import stage

__all__ = ["ORACLE", "SOURCE", "Adapted", "Arm", "adapt"]

SOURCE, ORACLE = "source-only", "oracle"


@dataclass(frozen=True)
class Arm:
    """A way of training, trained."""

    name: str
    fitted: Fitted
    features: tuple[np.ndarray, np.ndarray]
    """(members, n, width) of rows of the source and of the target that it had no label of."""
    proxy: float
    """Proxy A-distance of these."""
    validation: float | None
    """The deciding metric on the validation rows of the source."""
    weighted: float | None = None
    """The same, weighted as the target's rows are spread."""


@dataclass(frozen=True)
class Adapted:
    """All that was trained, and which of it is kept."""

    arms: list[Arm]
    """Source-only first, then the methods, then the oracle where there is one."""
    kept: Arm
    why: str
    weights: Weights
    metric: Metric

    @property
    def source(self) -> Arm:
        """What the labels of the source alone give."""
        return self.arms[0]


@dataclass
class _Aside(Unrecorded):
    """Stands for a run in one of several trainings; what is chosen in it is told once."""

    parent: Run | None = None

    def decide_all(self, decisions: Sequence[Decision]) -> None:
        """Pass it on to the run that stands for them all."""
        if self.parent is not None:
            self.parent.decide_all(decisions)


def adapt(domains: Domains, learning: Learning, asked: AdaptOptions, run: Run) -> Adapted:
    """Train source-only, each method and the oracle, and choose a method without looking at a label of the target."""
    prepared = domains.prepared
    metric = Problem(prepared.task, prepared.targets).primary
    learning = _shared(domains, learning, len(asked.weights()))
    arms = [_trained(SOURCE, domains, learning, metric, run)]
    weights = _weights(domains, learning, arms[0])
    for method, weight in asked.weights().items():
        told = replace(learning, adaptation=Adaptation(domains.adapt, method, weight))
        arms.append(_trained(method, domains, told, metric, run))
    arms = [replace(arm, weighted=_weighted(arm, domains, learning, weights, metric)) for arm in arms]
    kept, why = _chosen(arms, weights, metric)
    run.decide("method", kept.name, why)
    run.write_json(LOG, {"epochs": kept.fitted.history, **kept.fitted.facts})
    if len(domains.oracle["train"]):
        seen = replace(learning, train=domains.oracle["train"], val=domains.oracle["val"])
        arms.append(_trained(ORACLE, domains, seen, metric, run))
    return Adapted(arms, kept, why, weights, metric)


def _shared(domains: Domains, learning: Learning, methods: int) -> Learning:
    """Give each training its share of the time, in one process."""
    trainings = 1 + methods + bool(len(domains.oracle["train"]))
    minutes = learning.options.max_minutes
    changes = {"devices": 1, "loggers": [], "max_minutes": None if minutes is None else minutes / trainings}
    return replace(learning, options=learning.options.model_copy(update=changes))


def _trained(name: str, domains: Domains, learning: Learning, metric: Metric, run: Run) -> Arm:
    """Train one, its checkpoints apart from those of the others, and look at its features."""
    folder: Path = run.path / "checkpoints" / name
    folder.mkdir(parents=True, exist_ok=True)

    def tell(row: dict[str, float]) -> None:
        run.progress("train", row["epoch"], message=f"{name}: epoch {row['epoch']:.0f}")

    with stage(run, "train", f"training {name}"):
        aside = _Aside(folder, run.workspace, parent=run if name == SOURCE else None)
        fitted = fit(learning, aside, tell)
    prepared, place = domains.prepared, choose_device(learning.options.device)[0]
    rng = np.random.default_rng(learning.seed)
    rows = [
        np.sort(rng.permutation(part)[:MOST])
        for part in (np.concatenate([prepared.split["train"], prepared.split["val"]]), domains.adapt)
    ]
    features = [_features(fitted, predict_array(fitted.predictor, learning.x[some], device=place)) for some in rows]
    val = prepared.split["val"]
    said = predict_array(fitted.predictor, learning.x[val], device=place).prediction
    fitted.predictor.cpu()
    measured = weighted(metric, prepared.task, prepared.y[val], said, np.ones(len(val)).tolist())
    proxy = proxy_distance(features[0], features[1], learning.seed)
    run.event("adapted", arm=name, proxy_a_distance=proxy, validation=measured)
    return Arm(name, fitted, (features[0], features[1]), proxy, measured)


def _features(fitted: Fitted, outputs: Outputs) -> np.ndarray:
    """Return (members, n, width)."""
    n, members = len(outputs.representation), len(fitted.predictor.members)
    return outputs.representation.reshape(n, members, -1).transpose(1, 0, 2)


def _weights(domains: Domains, learning: Learning, source: Arm) -> Weights:
    """Return what each validation row counts for the target, by the features of the network that was not adapted."""
    train, val = (domains.prepared.split[part] for part in ("train", "val"))
    some = np.sort(np.random.default_rng(learning.seed).permutation(train)[:MOST])
    theirs, own = (
        _features(source.fitted, predict_array(source.fitted.predictor, learning.x[rows]))[0] for rows in (some, val)
    )
    return importance(theirs, source.features[1][0], own, learning.seed)


def _weighted(arm: Arm, domains: Domains, learning: Learning, weights: Weights, metric: Metric) -> float | None:
    val, prepared = domains.prepared.split["val"], domains.prepared
    said = predict_array(arm.fitted.predictor, learning.x[val]).prediction
    return weighted(metric, prepared.task, prepared.y[val], said, weights.values.tolist())


def _chosen(arms: Sequence[Arm], weights: Weights, metric: Metric) -> tuple[Arm, str]:
    """Choose among the methods by what is known without a label of the target, and say how."""
    methods = list(arms[1:])
    if len(methods) == 1:
        return methods[0], "the only method asked for"
    sign = 1 if metric.higher_is_better else -1
    rows = f"{weights.effective:.0f} of {len(weights.values)} validation rows count"
    known = [arm for arm in methods if arm.weighted is not None]
    if weights.enough and known:
        best = max(known, key=lambda arm: sign * float(arm.weighted or 0))
        told = ", ".join(f"{arm.name} {arm.weighted:.3g}" for arm in known)
        return best, (
            f"best {metric.title} on the source's validation rows, weighted as the target's are spread ({told}; {rows}); no label "
            "of the target was looked at"
        )
    told = ", ".join(f"{arm.name} {arm.proxy:.2f}" for arm in methods)
    near = [arm for arm in methods if _near(arm, arms, sign)] or methods
    best = min(near, key=lambda arm: arm.proxy)
    return best, (
        f"least proxy A-distance ({told}) among those that lose at most {SLACK:.0%} of source-only's {metric.title} on the source's "
        f"validation rows: the domains lie too far apart to weigh these rows ({rows}); no label of the target was looked at"
    )


SLACK = 0.1
"""Part of the validation metric (its distance from 1, where larger is better) that a method may lose on the source."""


def _near(arm: Arm, arms: Sequence[Arm], sign: int) -> bool:
    """Tell whether a method has kept what the source's labels teach."""
    ours, theirs = arm.validation, arms[0].validation
    if ours is None or theirs is None:
        return False
    if sign < 0:
        return ours <= (1 + SLACK) * theirs
    return 1 - ours <= (1 + SLACK) * max(1 - theirs, 0.01)
