"""The ways in which a trained model can say how sure it is, for `compare_ways`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scitrain.data.prepared import Prepared
from scitrain.evaluation.calibration import Temperature, fit_temperature
from scitrain.evaluation.conformal import LEARNED, MEDIAN
from scitrain.evaluation.problem import Predicted, Problem
from scitrain.evaluation.ways import Way, WayReport, Ways, compare_ways, doubt_of_classes
from scitrain.runs import Run
from scitrain.training.predictor import Predictor
from scitrain.training.stochastic import dropouts, member_outputs
from scitrain.workflow.stages import stage

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["uncertainty", "words"]

UNCERTAINTY = "results/uncertainty.json"
MOST_ROWS = 5_000
"""Test and validation rows compared on: dropout is computed many times for each."""
CELLS = 50_000_000
"""Numbers of one way held at once; many passes of many members take fewer rows."""
HOW = {
    "constant": "one width for all rows",
    "ensemble": "as wide as the networks disagree",
    "gaussian": "as wide as the learned standard deviation, noise and disagreement of the networks together",
    "quantile": "learned quantiles, moved by what they lack (CQR)",
}
"""What makes an interval wide."""
TITLES = {"constant": "constant width", "gaussian": "Gaussian head", "quantile": "quantile head"}


@dataclass(frozen=True)
class Asked:
    """Raw outputs of a way: validation and test rows, each (samples, n, outputs)."""

    val: "Tensor"
    test: "Tensor"

    def first(self) -> "Asked":
        """Return what the first network says alone."""
        return Asked(self.val[:1], self.test[:1])


def uncertainty(
    run: Run, prepared: Prepared, x: np.ndarray, predictor: Predictor, problem: Problem, passes: int
) -> Ways:
    """Compare the ways that the model supports, and write ``results/uncertainty.json``.

    Args:
        run: Run that gets the file.
        prepared: Rows, labels and split.
        x: (n, …) array the network reads.
        predictor: Trained and calibrated network that has not been trained on the validation rows.
        problem: How it is judged.
        passes: Of MC dropout; 0 leaves it out.
    """
    most = min(MOST_ROWS, CELLS // (max(1, passes) * len(predictor.members) * predictor.n_outputs))
    rows = {name: _sample(prepared.split[name], most, problem.seed) for name in ("val", "test")}
    y = {name: prepared.y[chosen] for name, chosen in rows.items()}
    with stage(run, "uncertainty", "comparing ways to say how sure the model is"):
        plain = Asked(*(member_outputs(predictor, x[rows[name]]) for name in ("val", "test")))
        maker = _Numbers(predictor, y) if problem.task == "regression" else _Classes(predictor, y)
        ways = list(maker.ways(plain))
        notes = [] if passes else ["MC dropout was left out (mc_dropout=0)"]
        if passes and dropouts(predictor):
            many = (member_outputs(predictor, x[rows[name]], passes, problem.seed) for name in ("val", "test"))
            ways.append(maker.dropout(Asked(*many), passes))
        elif passes:
            notes.append("MC dropout is not among the ways: this network has no dropout")
        found = compare_ways(problem, ways, notes)
    run.write_json(UNCERTAINTY, {"run_id": run.id, **found.model_dump(mode="json")})
    return found


def words(ways: Ways) -> list[str]:
    """Return a sentence a way, the model's own first, then the notes."""
    return [*map(_sentence, ways.ways), *ways.notes]


def _sentence(way: WayReport) -> str:
    """Return deciding score, coverage and size of a way, and how far it is from the model's own."""
    score, *others = (way.row(name) for name in _shown(way))
    found = next((one for one in way.differences if one.target == score.target), None)
    apart = " (the model's own way)" if way.used else ""
    if found is not None and found.value is not None:
        worse = "worse" if found.value > 0 else "better"
        ends = "" if found.low is None or found.high is None else f" [{found.low:.3g}, {found.high:.3g}]"
        apart = f", {worse} than its own (difference {found.value:.3g}{ends}, p = {found.p:.2g})"
    told = [f"{row.title} {row.value:.3g}" for row in (score, *others) if row.value is not None]
    of = f" of {score.target}" if score.target else ""
    return f"uncertainty{of} by {way.title}: {', '.join(told)}{apart}"


def _shown(way: WayReport) -> tuple[str, ...]:
    numbers = any(row.name == "interval_score" for row in way.metrics)
    return ("interval_score", "coverage", "interval_width") if numbers else ("log_loss", "coverage", "set_size", "ece")


def _sample(rows: np.ndarray, most: int, seed: int) -> np.ndarray:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


class _Numbers:
    """Ways of a regression."""

    def __init__(self, predictor: Predictor, y: dict[str, np.ndarray]) -> None:
        self.predictor, self.y = predictor, y
        self.members = len(predictor.members)

    def ways(self, plain: Asked) -> Iterator[Way]:
        kind, own = self.predictor.head.kind, self._own()
        title = TITLES.get(own, f"ensemble of {self.members}")
        yield self._way((own, title, HOW[own]), plain, own != "constant", used=True)
        if own != "constant":
            yield self._way(("constant", TITLES["constant"], f"the same prediction, {HOW['constant']}"), plain, False)
        if self.members > 1:
            alone = "constant" if kind == "point" else kind
            yield self._way(
                ("one", "one network", f"the first network alone, {HOW[alone]}"), plain.first(), kind != "point"
            )

    def dropout(self, many: Asked, passes: int) -> Way:
        how = f"mean of {passes} passes with dropout on, as wide as they disagree"
        return self._way(("mc_dropout", "MC dropout", how), many, True, passes)

    def _own(self) -> str:
        kind = self.predictor.head.kind
        return kind if kind != "point" else "ensemble" if self.members > 1 else "constant"

    def _way(self, words: tuple[str, str, str], asked: Asked, spread: bool, passes: int = 0, used: bool = False) -> Way:
        val, test = (self._predicted(name, getattr(asked, name), spread, passes) for name in ("val", "test"))
        doubts = {} if test.spread is None else {"spread": test.spread}
        return Way(*words, val, test, used, doubts)

    def _predicted(self, name: str, outputs: "Tensor", spread: bool, passes: int) -> Predicted:
        prediction, deviation, *further = (part.float().numpy() for part in self.predictor.cpu().combine(outputs))
        # a median over few networks is a rough scale; over many passes, or learned, it is finer
        floor = LEARNED if self.predictor.head.tells_spread or passes else MEDIAN
        if not spread:
            return Predicted(self.y[name], prediction)
        return Predicted(self.y[name], prediction, deviation, ends=further[0] if further else None, floor=floor)


class _Classes:
    """Ways of a classification: with and without temperature, of one network and of all."""

    def __init__(self, predictor: Predictor, y: dict[str, np.ndarray]) -> None:
        self.predictor, self.y = predictor, y
        self.members = len(predictor.members)

    def ways(self, plain: Asked) -> Iterator[Way]:
        own = tuple(self.predictor.temperature.tolist())
        several = self.members > 1
        name = f"ensemble of {self.members}" if several else "network"
        learned = "divided by the temperature learned on validation rows"
        yield self._way(("temperature", f"{name}, temperature", f"its logits {learned}"), plain, own, used=True)
        yield self._way(("raw", f"{name} as trained", "its probabilities as they are"), plain, (1.0,) * len(own))
        if several:
            words = ("one", "one network, temperature", "the first network alone, with a temperature of its own")
            yield self._way(words, plain.first(), self._fitted(plain.first()))

    def dropout(self, many: Asked, passes: int) -> Way:
        how = f"mean of {passes} passes with dropout on, with a temperature of its own"
        return self._way(("mc_dropout", "MC dropout", how), many, self._fitted(many))

    def _fitted(self, asked: Asked) -> tuple[float, ...]:
        logits = self.predictor.cpu().pool(asked.val).numpy()
        return fit_temperature(self.predictor.task, self.y["val"], logits).values  # type: ignore[arg-type]  # a Task

    def _way(self, words: tuple[str, str, str], asked: Asked, values: tuple[float, ...], used: bool = False) -> Way:
        p = {name: self._probabilities(getattr(asked, name), values) for name in ("val", "test")}
        val, test = (Predicted(self.y[name], p[name]) for name in ("val", "test"))
        return Way(*words, val, test, used, self._doubts(asked.test, p["test"], values))

    def _probabilities(self, outputs: "Tensor", values: tuple[float, ...]) -> np.ndarray:
        logits = self.predictor.cpu().pool(outputs).numpy()
        return self._temperature(values).probabilities(logits)

    def _temperature(self, values: tuple[float, ...]) -> Temperature:
        nothing = (None,) * len(values)
        task = self.predictor.task
        return Temperature(task=task, values=values, loss_before=nothing, loss_after=nothing, reasons=nothing)

    def _doubts(self, outputs: "Tensor", p: np.ndarray, values: tuple[float, ...]) -> dict[str, np.ndarray]:
        """Return the entropy of what is said, and the mutual information where there are several samples."""
        said = doubt_of_classes(self._classes(p[None]))[0]
        if len(outputs) == 1:
            return {"entropy": said}
        cooled = self._temperature(values)
        each = np.stack([cooled.probabilities(one.numpy()) for one in outputs])
        return {"entropy": said, "mutual information": doubt_of_classes(self._classes(each))[1]}

    def _classes(self, p: np.ndarray) -> np.ndarray:
        """Return probabilities (samples, n, targets, classes)."""
        return p[:, :, None, :] if self.predictor.task == "multiclass" else np.stack([1 - p, p], axis=-1)
