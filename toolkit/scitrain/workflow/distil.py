"""Train a student by a teacher, and the same student without one; say what was kept and what was won."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from statistics import median

import numpy as np
from pydantic import JsonValue

from scitrain.evaluation.bootstrap import Interval, Replicates
from scitrain.evaluation.metrics import Metric
from scitrain.evaluation.problem import Problem
from scitrain.evaluation.scoring import Scores, score_by
from scitrain.figures.comparison import Compared, comparison
from scitrain.figures.save import save
from scitrain.figures.words import count, joined
from scitrain.inference.backends import torch_compute
from scitrain.inference.files import WEIGHTS
from scitrain.runs import Run
from scitrain.training.fit import fit
from scitrain.training.learning import Fitted, Learning
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Predictor
from scitrain.training.soft import Soft
from scitrain.training.unrecorded import Unrecorded
from scitrain.workflow.judge import temper
from scitrain.workflow.stages import stage
from scitrain.workflow.teaching import Lesson, Teacher

__all__ = ["DISTILLATION", "Kept", "compared", "fit_alone", "taught", "write_kept"]

DISTILLATION = "results/distillation.json"
FIGURE = "figures/distillation.png"
ALONE = "checkpoints/alone"
RESAMPLES = 2000
PASSES = 30
SECONDS = 0.4
BATCH = 256


def taught(learning: Learning, lesson: Lesson, temperature: float, alpha: float) -> Learning:
    """Return what the student is fitted to: labels, and what the teacher says."""
    return replace(learning, x=lesson.x, y=lesson.y, train=lesson.train, soft=Soft(lesson.said, temperature, alpha))


def fit_alone(learning: Learning, lesson: Lesson, run: Run) -> Fitted:
    """Train the same student, with the same seed, on the labelled rows alone; its checkpoints lie apart."""
    with stage(run, "alone", "training the same student without a teacher"):
        folder = run.path / ALONE
        folder.mkdir(parents=True, exist_ok=True)
        rows = lesson.train[lesson.train < lesson.labelled]
        plain = replace(learning, x=lesson.x[: lesson.labelled], y=lesson.y[: lesson.labelled], train=rows, soft=None)
        quiet = plain.options.model_copy(update={"loggers": []})

        def tell(row: dict[str, float]) -> None:
            run.progress("alone", row["epoch"], message=f"without a teacher: epoch {row['epoch']:.0f}")

        return fit(replace(plain, options=quiet), Unrecorded(folder, run.workspace), tell)


@dataclass(frozen=True)
class Size:
    """What a network weighs and takes, on the device it is on, one row and `BATCH` rows at a time."""

    parameters: int
    bytes: int
    """Of its weights on disk."""
    ms_one_row: float
    ms_batch: float


@dataclass(frozen=True)
class Kept:
    """Student against teacher and against itself without one, on the same test rows."""

    metric: str
    unit: str | None
    n: int
    teacher: Interval
    student: Interval
    alone: Interval
    kept: Interval
    """Student's value over the teacher's; of an error the teacher's over the student's: 1 is all of it."""
    lost: Interval
    """By how much the student is worse than the teacher, in the metric's unit."""
    gained: Interval
    """By how much the student is better than the same without a teacher, in the metric's unit."""
    validation: dict[str, float | None]
    """The metric of each on the validation rows: what settings may be chosen by."""
    teacher_size: Size
    student_size: Size

    def sentences(self) -> list[str]:
        """Return it in words."""
        unit = f" {self.unit}" if self.unit else ""
        small, large = self.student_size, self.teacher_size
        quality = (
            f"The student keeps {_span(self.kept, percent=True)} of the teacher's quality: test {self.metric} "
            f"{_value(self.student)} against {_value(self.teacher)}{unit}, n = {self.n:,}, loss {_span(self.lost)}{unit}."
        )
        size = (
            f"It has 1/{large.parameters / small.parameters:.3g} of the teacher's parameters ({small.parameters:,} of "
            f"{large.parameters:,}); one row takes {small.ms_one_row:.2g} ms instead of {large.ms_one_row:.2g} ms "
            f"({large.ms_one_row / small.ms_one_row:.1f} × faster)."
        )
        worth = (
            f"The teacher {_helped(self.gained)}: the same student without a teacher has {_value(self.alone)}{unit}, "
            f"gain {_span(self.gained)}{unit}."
        )
        return [quality, size, worth]

    def facts(self) -> dict[str, JsonValue]:
        """Return it as JSON."""
        named = {name: getattr(self, name) for name in ("teacher", "student", "alone", "kept", "lost", "gained")}
        spans: dict[str, JsonValue] = {
            name: {"value": one.value, "low": one.low, "high": one.high, "reason": one.reason}
            for name, one in named.items()
        }
        return {
            "metric": self.metric,
            "unit": self.unit,
            "n": self.n,
            **spans,
            "validation": dict(self.validation),
            "sizes": {"teacher": asdict(self.teacher_size), "student": asdict(self.student_size)},
        }


def compared(
    teacher: Teacher, student: tuple[Predictor, np.ndarray], alone: Predictor, x: np.ndarray, run: Run
) -> Kept:
    """Measure all three on the teacher's test rows, which none was trained on.

    Args:
        teacher: With its predictions of the test rows.
        student: Calibrated predictor and its test predictions.
        alone: Predictor trained without a teacher; is calibrated here, by the validation rows too.
        x: (n, …) features the students read, by row of the teacher's data.
        run: Holds the student's weights.
    """
    prepared, config = teacher.prepared, teacher.config
    rows = prepared.split["test"]
    if prepared.task != "regression":
        temper(prepared, x, alone)
    problem = Problem(prepared.task, prepared.targets)
    metric = problem.primary
    said = {"teacher": teacher.test, "student": student[1], "alone": predict_array(alone, x[rows]).prediction}
    scores = {name: score_by(metric, config.task, prepared.y[rows], one, RESAMPLES) for name, one in said.items()}
    sign = 1 if metric.higher_is_better else -1
    whole = {name: _whole(metric, one) for name, one in scores.items()}
    above, below = (whole["student"], whole["teacher"]) if sign > 0 else (whole["teacher"], whole["student"])
    unit = metric.unit(problem.unit(None, metric.power)) if problem.one_unit else None
    sizes = _sizes(teacher, student[0], x[rows], run)
    return Kept(
        metric=metric.title,
        unit=unit,
        n=len(rows),
        teacher=_interval(whole["teacher"]),
        student=_interval(whole["student"]),
        alone=_interval(whole["alone"]),
        kept=_interval(_ratio(above, below)),
        lost=_interval(_signed(whole["teacher"] - whole["student"], sign)),
        gained=_interval(_signed(whole["student"] - whole["alone"], sign)),
        validation=_validation(metric, teacher, {"student": (student[0], x), "alone": (alone, x)}),
        teacher_size=sizes["teacher"],
        student_size=sizes["student"],
    )


def _validation(
    metric: Metric, teacher: Teacher, students: dict[str, tuple[Predictor, np.ndarray]]
) -> dict[str, float | None]:
    prepared = teacher.prepared
    rows = prepared.split["val"]
    found: dict[str, float | None] = {}
    for name, (network, x) in {"teacher": (teacher.predictor, teacher.x), **students}.items():
        said = predict_array(network, x[rows]).prediction
        found[name] = _interval(_whole(metric, score_by(metric, prepared.task, prepared.y[rows], said, 1))).value
    return found


def write_kept(run: Run, kept: Kept, teacher: Teacher, facts: dict[str, JsonValue]) -> None:
    """Write ``results/distillation.json`` and the figure."""
    run.write_json(DISTILLATION, {"teacher": teacher.source.id, **facts, **kept.facts(), "sentences": kept.sentences()})
    entries = [
        _dot(f"teacher ({count(kept.teacher_size.parameters)} parameters)", kept.teacher),
        replace(_dot(f"student ({count(kept.student_size.parameters)} parameters)", kept.student), emphasis=True),
        _dot("the same student without a teacher", kept.alone),
    ]
    told = joined(f"{kept.n:,} test rows of the teacher", "95 % intervals", f"{_span(kept.kept, percent=True)} kept")
    drawn = comparison(entries, kept.metric, kept.unit or "", None, told)
    save(drawn, run.file(FIGURE))


def _dot(name: str, found: Interval) -> Compared:
    return Compared(name, found.value, found.low, found.high, found.reason)


def _whole(metric: Metric, scores: Scores) -> Replicates:
    """Return the replicates of the metric, of the only target or the mean over several."""
    found = scores.of(metric)
    return found if len(scores.columns) == 1 else found.mean()


def _ratio(above: Replicates, below: Replicates) -> Replicates:
    with np.errstate(divide="ignore", invalid="ignore"):
        return Replicates(above.value / below.value, above.resampled / below.resampled, above.left_out / below.left_out)


def _signed(found: Replicates, sign: int) -> Replicates:
    return Replicates(sign * found.value, sign * found.resampled, sign * found.left_out)


def _interval(found: Replicates) -> Interval:
    return found.intervals()[0]


def _sizes(teacher: Teacher, student: Predictor, x: np.ndarray, run: Run) -> dict[str, Size]:
    """Measure teacher and student, side by side on the CPU."""
    rows = {"teacher": teacher.x[teacher.prepared.split["test"]], "student": x}
    networks = {"teacher": teacher.predictor, "student": student}
    files = {"teacher": teacher.source.path / WEIGHTS, "student": run.path / WEIGHTS}
    single, batch = (
        _latencies({name: partial(torch_compute(networks[name]), _of(rows[name], size)) for name in networks})
        for size in (1, BATCH)
    )
    return {
        name: Size(
            sum(p.numel() for p in network.parameters()),
            files[name].stat().st_size,
            round(single[name], 4),
            round(batch[name], 4),
        )
        for name, network in networks.items()
    }


def _of(rows: np.ndarray, size: int) -> np.ndarray:
    return np.ascontiguousarray(np.resize(rows, (size, *rows.shape[1:])))


def _latencies(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median milliseconds of each call, taken in turns so that what else the machine does meets all alike."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    begin = time.perf_counter()
    while not taken["student"] or (len(taken["student"]) < PASSES and time.perf_counter() - begin < SECONDS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            taken[name].append(1000 * (time.perf_counter() - start))
    return {name: median(found) for name, found in taken.items()}


def _value(found: Interval) -> str:
    return "–" if found.value is None else f"{found.value:.3g}"


def _span(found: Interval, percent: bool = False) -> str:
    if found.value is None:
        return f"– ({found.reason})"
    low, high = found.low, found.high
    said = f"{found.value:.1%}" if percent else f"{found.value:.2g}"
    if low is None or high is None:
        return f"{said} ({found.reason})"
    return f"{said} [{low:.1%}, {high:.1%}]" if percent else f"{said} [{low:.2g}, {high:.2g}]"


def _helped(gained: Interval) -> str:
    if gained.low is None or gained.high is None:
        return "cannot be shown to have helped"
    if gained.low > 0:
        return "helped"
    return "did harm" if gained.high < 0 else "cannot be shown to have helped"
