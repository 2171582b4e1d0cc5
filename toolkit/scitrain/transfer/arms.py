"""Train one strategy on some of the labels."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from scitrain.contracts.model import ModelSpec
from scitrain.resources import choose_device
from scitrain.runs import Decision, Run
from scitrain.training.fit import fit
from scitrain.training.learning import Fitted, Learning
from scitrain.training.predictor import Member
from scitrain.training.start import Start
from scitrain.training.unrecorded import Unrecorded
from scitrain.transfer.beginning import Beginning, RunWeights, Tuned, bare, finished, trainable
from scitrain.transfer.features import Body, body_of, fit_head
from scitrain.transfer.options import Arm, FinetuneOptions
from scitrain.transfer.recipe import HUBS, Given, keeps_last, network_for, options_for

__all__ = ["Study", "Trained", "train_again", "train_arm"]

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Study:
    """What all strategies share."""

    learning: Learning
    """Rows, labels, options as they were asked for, and the network that the weights are of."""
    asked: FinetuneOptions
    weights: RunWeights | None
    """None where the family itself fetches them."""
    given: Given


@dataclass(frozen=True)
class Trained:
    """A strategy, trained."""

    arm: Arm
    model: ModelSpec
    """The network as it is rebuilt to predict."""
    fitted: Fitted
    trainable: int
    """Numbers that were trained, head included, of one member."""
    total: int
    decisions: list[Decision]


def train_arm(study: Study, arm: Arm, run: Run, tell: Tell | None = None, rows: np.ndarray | None = None) -> Trained:
    """Train ``arm`` on the training rows, or on those of them in ``rows``."""
    given = study.given if rows is None else replace(study.given, rows=len(rows))
    options, decisions = options_for(arm, study.learning.options, given)
    model = bare(study.learning.model) if arm == "scratch" else study.learning.model
    model = network_for(arm, study.asked, model)
    start = Start() if arm == "scratch" else beginning_of(study, arm, given, options.epochs)
    last, why = keeps_last(arm, study.learning.options, len(study.learning.val))
    decisions = [*decisions, Decision(what="keeps_last", value=last, why=why)]
    learning = replace(study.learning, model=model, options=options, start=start, keeps_last=last, cooled=True)
    learning = learning if rows is None else replace(learning, train=rows)
    if tell is not None:
        tell(f"{arm} on {len(learning.train):,} labels")
    if isinstance(start, Beginning) and arm == "feature":
        body = body_of(learning, start)
        fitted = fit_head(learning, body, run, choose_device(options.device)[0])
        numbers = _numbers_of_head(fitted, body)
    else:
        fitted = fit(learning, run)
        numbers = trainable(_first(fitted))
        finished(fitted.predictor)
    return Trained(arm, model, fitted, *numbers, decisions)


def train_again(study: Study, first: Trained, run: Run) -> Trained:
    """Train a strategy once more, from the same beginning, on training and validation rows for as many epochs as were best in ``first``.

    A head on frozen features keeps its shrinkage. There are no rows left to calibrate by: that stays with ``first``.
    """
    learning = study.learning
    every = np.concatenate([learning.train, learning.val])
    changes: dict[str, object] = {"epochs": max(1, first.fitted.best_epoch), "loggers": []}
    if first.arm == "feature":
        changes["weight_decay"] = float(str(first.fitted.facts["weight_decay"]))
    options = learning.options.model_copy(update=changes)
    again = replace(learning, train=every, val=np.zeros(0, np.int64), options=options)
    why = f"rows of training and validation together, for the {changes['epochs']} epochs that were best before"
    run.decide("refit", len(every), "rows of training and validation together" if first.arm == "feature" else why)
    return train_arm(replace(study, learning=again), first.arm, Unrecorded(run.path, run.workspace))


def beginning_of(study: Study, arm: Arm, given: Given, epochs: int | str) -> Beginning:
    """Return how a strategy begins; `gradual` has thawed everything after half of the epochs."""
    asked = study.asked
    blocks = max(1, given.blocks)
    every = max(1, int(epochs) // (2 * blocks)) if isinstance(epochs, int) else 1
    tuned = Tuned(
        arm,  # type: ignore[arg-type]  # all but scratch, which begins otherwise
        asked.blocks,
        asked.layer_decay,
        asked.head_rate or (10.0 if given.family in HUBS else 1.0),
        asked.rank,
        tuple(asked.modules),
        every,
    )
    return Beginning(tuned, study.weights)


def _first(fitted: Fitted) -> Member:
    member = fitted.predictor.members[0]
    assert isinstance(member, Member)
    return member


def _numbers_of_head(fitted: Fitted, body: Body) -> tuple[int, int]:
    head = sum(weight.numel() for weight in _first(fitted).head.parameters())
    return head, head + sum(weight.numel() for weight in body.encoder.parameters())
