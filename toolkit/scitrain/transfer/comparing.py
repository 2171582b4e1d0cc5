"""Strategies side by side on one split, and by the number of labels; does transfer help?"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from scitrain.data.prepared import Prepared
from scitrain.evaluation.bootstrap import Interval
from scitrain.evaluation.problem import Predicted, Problem
from scitrain.evaluation.rows import MODEL, score_all
from scitrain.evaluation.scoring import Scores
from scitrain.runs import Run
from scitrain.spec import Spec
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Predictor
from scitrain.training.unrecorded import Unrecorded
from scitrain.transfer.arms import Study, Trained, train_arm
from scitrain.transfer.finished_arms import FinishedArms
from scitrain.transfer.options import Arm

__all__ = ["ArmRow", "Compared", "CurvePoint", "Judge", "compare_arms"]

FRACTIONS = (0.25, 0.5)
"""Shares of the training labels on which each strategy is trained besides all of them."""
SCRATCH: Arm = "scratch"
FEWEST = 20
"""Labels below which a share is left out."""
Outcome = Literal["helps", "does_not_help", "cannot_tell", "not_asked"]


class ArmRow(Spec):
    """One strategy with all labels."""

    arm: Arm
    validation: float | None
    """Chosen by this."""
    test: float | None
    low: float | None
    """95 % interval on the test rows."""
    high: float | None
    trainable: int
    total: int
    seconds: float
    epochs: int


class CurvePoint(Spec):
    """One strategy with some of the labels."""

    arm: Arm
    labels: int
    validation: float | None


class Compared(Spec):
    """What came of the comparison."""

    metric: str
    title: str
    """Of the metric."""
    unit: str | None
    higher_is_better: bool
    n_val: int
    n_test: int
    chosen: Arm
    """Best on validation."""
    rows: list[ArmRow]
    curve: list[CurvePoint]
    outcome: Outcome
    gain: float | None
    """Improvement of the best transfer over training from scratch on the test rows, positive where transfer is better."""
    low: float | None
    high: float | None
    sentence: str


def compare_arms(
    study: Study, prepared: Prepared, arms: Sequence[Arm], run: Run
) -> tuple[dict[Arm, Trained], Compared]:
    """Train each strategy on all labels and on shares of them; choose on validation, measure once on test.

    What is done already, before an interruption, is taken from the run.
    """
    judge = Judge(study, prepared)
    silent = Unrecorded(run.path, run.workspace)
    jobs = [(arm, rows) for arm in dict.fromkeys(arms) for rows in [*judge.shares(), None]]
    finished = FinishedArms.of(study, run)
    trained: dict[Arm, Trained] = {}
    curve: list[CurvePoint] = []
    for done, (arm, rows) in enumerate(jobs):
        labels = len(study.learning.train) if rows is None else len(rows)
        run.progress("compare", done, len(jobs), f"{arm} on {labels:,} labels")
        known = finished.load(arm, rows)
        if known is None:
            found = train_arm(study, arm, silent, rows=rows)
            known = finished.save(found, rows, judge.validation(found.fitted.predictor))
        curve.append(CurvePoint(arm=arm, labels=labels, validation=known.validation))
        if known.trained is not None:
            trained[arm] = known.trained
            run.event("compared", arm=arm, validation=known.validation)
    return trained, judge.compared(trained, curve)


class Judge:
    """Scores networks on the validation and test rows."""

    def __init__(self, study: Study, prepared: Prepared) -> None:
        self.study, self.prepared = study, prepared
        self.problem = Problem(prepared.task, prepared.targets, seed=study.learning.seed)
        self.metric = self.problem.primary
        self.sign = 1 if self.metric.higher_is_better else -1

    def shares(self) -> list[np.ndarray]:
        """Return the training rows of each share, the same for all strategies, every class in it."""
        learning = self.study.learning
        rng = np.random.default_rng(learning.seed)
        order = rng.permutation(learning.train)
        if learning.task == "multiclass":
            # the first of each class first, so that no share lacks one
            firsts = [order[learning.y[order] == label][:2] for label in range(learning.n_outputs)]
            first = np.concatenate(firsts)
            order = np.concatenate([first, order[~np.isin(order, first)]])
        sizes = [round(share * len(order)) for share in FRACTIONS]
        return [np.sort(order[:size]) for size in sizes if size >= FEWEST]

    def validation(self, predictor: Predictor) -> float | None:
        """Return the metric that decides, on validation rows."""
        return self._scores(predictor, "val").mean(self.metric).value

    def compared(self, trained: dict[Arm, Trained], curve: list[CurvePoint]) -> Compared:
        """Choose by validation and compare with scratch on the test rows."""
        on_val = {point.arm: point.validation for point in curve if point.labels == len(self.study.learning.train)}
        known = {arm: value for arm, value in on_val.items() if value is not None}
        chosen = max(known, key=lambda arm: self.sign * known[arm]) if known else next(iter(trained))
        scores = {arm: self._scores(one.fitted.predictor, "test") for arm, one in trained.items()}
        transfers: dict[Arm, float] = {arm: value for arm, value in known.items() if arm != "scratch"}
        ranked = sorted(transfers, key=lambda arm: -self.sign * transfers[arm])
        best = ranked[0] if ranked else None
        gain = (
            None if best is None or "scratch" not in scores else scores[best].difference(self.metric, scores["scratch"])
        )
        ends = (
            []
            if gain is None or gain.low is None or gain.high is None
            else [self.sign * gain.low, self.sign * gain.high]
        )
        value = None if gain is None or gain.value is None else self.sign * gain.value
        outcome: Outcome = (
            "not_asked" if gain is None else "cannot_tell" if not ends or min(ends) <= 0 <= max(ends)
            else "helps" if min(ends) > 0 else "does_not_help"
        )  # fmt: skip
        split = self.prepared.split
        draft = Compared(
            metric=self.metric.name, title=self.metric.title, unit=self._unit(), higher_is_better=self.metric.higher_is_better,
            n_val=len(split["val"]), n_test=len(split["test"]), chosen=chosen,
            rows=[_row(one, on_val[arm], scores[arm].mean(self.metric)) for arm, one in trained.items()],
            curve=curve, outcome=outcome, gain=value, low=min(ends, default=None), high=max(ends, default=None), sentence="",
        )  # fmt: skip
        said = [_sentence(draft, best), *(self._learned(part, scores) for part in ("prompt", "prefix"))]
        return draft.model_copy(update={"sentence": " ".join(filter(None, said))})

    def _learned(self, part: Arm, scores: dict[Arm, Scores]) -> str:
        """Say what learning a prompt or prefix gains over the same one left as it begins, on the test rows."""
        fixed: Arm = "fixed_prompt" if part == "prompt" else "fixed_prefix"
        if part not in scores or fixed not in scores:
            return ""
        gain = scores[part].difference(self.metric, scores[fixed])
        if gain.value is None or gain.low is None or gain.high is None:
            return f"Whether learning the {part} helps could not be told: {gain.reason}."
        low, high = sorted((self.sign * gain.low, self.sign * gain.high))
        told = f"{_short(self.sign * gain.value)} (95% interval {_short(low)} to {_short(high)})"
        what = "gains" if low > 0 else "loses" if high < 0 else "cannot be shown to gain or lose:"
        return f"Learning the {part} {what} {told} in test {self.metric.title} over a fixed one, random as it begins."

    def _scores(self, predictor: Predictor, split: str) -> Scores:
        rows = self.prepared.split[split]
        said = predict_array(predictor, self.study.learning.x[rows]).prediction
        return score_all(self.problem, Predicted(self.prepared.y[rows], said))[MODEL]

    def _unit(self) -> str | None:
        return self.metric.unit(self.problem.unit(None, self.metric.power)) if self.problem.one_unit else None


def _row(one: Trained, validation: float | None, test: Interval) -> ArmRow:
    seconds = float(str(one.fitted.facts["seconds"]))
    return ArmRow(
        arm=one.arm,
        validation=validation,
        test=test.value,
        low=test.low,
        high=test.high,
        trainable=one.trainable,
        total=one.total,
        seconds=seconds,
        epochs=len(one.fitted.history),
    )


def _sentence(found: Compared, best: Arm | None) -> str:
    values = {row.arm: row for row in found.rows}
    if found.outcome == "not_asked" or best is None:
        return (
            f"Best on validation: {found.chosen}. Whether the transfer helps is not known: nothing was trained from scratch, or nothing "
            "else; compare=['scratch', …] tells."
        )
    unit = f" {found.unit}" if found.unit else ""
    here, scratch = (_short(values[arm].test) for arm in (best, SCRATCH))
    numbers = f"test {found.title} {here}{unit} ({best}) against {scratch}{unit} from scratch, n = {found.n_test:,}"
    interval = (
        ""
        if found.low is None
        else f", gain {_short(found.gain)} (95% interval {_short(found.low)} to {_short(found.high)})"
    )
    told = {
        "helps": "The transfer helps",
        "does_not_help": "The transfer does not help here: it is worse than training from scratch",
        "cannot_tell": "The transfer cannot be shown to help here: the interval of the gain includes zero",
    }[found.outcome]
    kept = f" Best on validation, and kept: {found.chosen}."
    return f"{told}: {numbers}{interval}.{kept}"


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
