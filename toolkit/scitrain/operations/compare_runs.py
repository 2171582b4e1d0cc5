"""Put runs side by side."""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, Field, JsonValue

from scitrain.contracts.operation import Job, JobResult
from scitrain.errors import RunStateError
from scitrain.overview import METRICS, about
from scitrain.runs import Run
from scitrain.workflow.headline import Headline
from scitrain.workspace import Workspace

__all__ = ["CompareRuns", "Comparison", "MetricAcrossRuns"]

FIGURE = "figures/comparison.png"
TABLE = "results/comparison.json"
PREDICTIONS = "results/predictions.csv"


class Row(BaseModel):
    """What is compared of a row of ``metrics.json``."""

    name: str
    title: str
    target: str | None
    value: float | None
    low: float | None
    high: float | None
    unit: str | None
    n: int
    split: str
    reason: str | None
    higher_is_better: bool | None


class Named(BaseModel):
    """A target."""

    name: str


class Content(BaseModel):
    """What is compared of ``metrics.json``."""

    metrics: list[Row]
    primary: str
    task: str = ""
    targets: list[Named] = []


class MetricAcrossRuns(BaseModel):
    """One metric of the test split in every run that has it."""

    name: str
    title: str
    target: str | None
    """Null is the mean over several targets."""
    unit: str | None
    higher_is_better: bool | None
    """Null where neither direction is better."""
    runs: dict[str, Headline]
    """By run id, with interval and n."""
    best: str | None
    """Run with the best value; null where no direction is better."""
    clear: bool
    """True where the interval of the best overlaps no other's: then the difference is not chance alone."""


class Comparison(JobResult):
    """Runs side by side."""

    primary: str
    """Metric that decides, and that the figure shows."""
    metrics: list[MetricAcrossRuns]
    """The deciding one first."""
    differences: dict[str, dict[str, JsonValue]]
    """Fields of the requests that differ, by dotted name, then by run id."""
    notes: list[str]
    """What to keep in mind before believing the table."""
    figures: list[str]

    def summary(self) -> str:
        """Return the deciding metric of each run, what differs, and the notes."""
        lines = [f"{run_id}: {told.words()}" for run_id, told in self.metrics[0].runs.items()]
        lines += [f"{name}: {'; '.join(f'{k} {v}' for k, v in by.items())}" for name, by in self.differences.items()]
        return "\n".join([*lines, *self.notes, f"figure: {', '.join(self.figures)}"])


class CompareRuns(Job):
    """Compare evaluated runs: their test metrics with intervals, what differs in the requests, and a figure."""

    title: ClassVar[str] = "Compare runs"
    background: ClassVar[bool] = False

    runs: list[str] = Field(min_length=2, max_length=30)
    """Ids of runs that have metrics (trained or evaluated); each once."""

    def check(self, workspace: Workspace) -> None:
        """Refuse runs that are not there or have no metrics, all at once."""
        if twice := sorted({run_id for run_id in self.runs if self.runs.count(run_id) > 1}):
            raise RunStateError(f"runs names {', '.join(twice)} more than once; name each run once")
        found = [Run.open(run_id, workspace) for run_id in self.runs]
        without = [f"{run.id} ({run.record().status})" for run in found if not (run.path / METRICS).is_file()]
        if without:
            raise RunStateError(
                f"without metrics: {', '.join(without)}; "
                "compare_runs needs runs of train_model or evaluate_model that completed"
            )

    def parents(self) -> list[str]:
        """Return the runs that are compared."""
        return self.runs

    def execute(self, run: Run) -> Comparison:
        """Read the metrics, write the table and the figure."""
        compared = [Run.open(run_id, run.workspace) for run_id in self.runs]
        contents = {one.id: read(one) for one in compared}
        primary = contents[self.runs[0]].primary
        metrics = across(contents, primary)
        if not metrics:
            raise RunStateError(f"{', '.join(self.runs)} share no metric; compare runs of one task")
        result = Comparison(
            primary=primary,
            metrics=metrics,
            differences=differences({one.id: one.record().spec for one in compared}),
            notes=_notes(compared, contents),
            figures=[FIGURE],
            next_step=f"get_run(run_id={metrics[0].best or self.runs[0]!r})",
        )
        _draw(run, metrics[0], {one.id: about(one.record().spec) for one in compared})
        run.write_json(TABLE, result.model_dump(mode="json"))
        return result


def read(run: Run) -> Content:
    """Read the part of ``results/metrics.json`` that is compared."""
    return Content.model_validate(run.read_json(METRICS))


def across(contents: Mapping[str, Content], primary: str) -> list[MetricAcrossRuns]:
    """Return the test metrics that two runs or more have, the deciding one first."""
    rows: dict[tuple[str, str | None], dict[str, Row]] = {}
    for run_id, content in contents.items():
        for row in content.metrics:
            if row.split == "test":
                rows.setdefault((row.name, row.target), {})[run_id] = row
    found = [_one(by_run) for by_run in rows.values() if len(by_run) > 1]
    return sorted(found, key=lambda metric: (metric.name != primary, metric.target is not None))


def differences(specs: Mapping[str, Mapping[str, JsonValue]]) -> dict[str, dict[str, JsonValue]]:
    """Return the fields whose values are not the same in all requests; a field that one lacks is null there."""
    flat = {run_id: dict(_flat(spec)) for run_id, spec in specs.items()}
    names = dict.fromkeys(name for fields in flat.values() for name in fields)
    by_name = {name: {run_id: fields.get(name) for run_id, fields in flat.items()} for name in names}
    return {
        name: values for name, values in by_name.items() if any(v != values[next(iter(flat))] for v in values.values())
    }


def _one(by_run: Mapping[str, Row]) -> MetricAcrossRuns:
    first = next(iter(by_run.values()))
    best = _best(by_run, first.higher_is_better)
    return MetricAcrossRuns(
        name=first.name,
        title=first.title,
        target=first.target,
        unit=first.unit,
        higher_is_better=first.higher_is_better,
        runs={run_id: Headline(**row.model_dump(exclude={"higher_is_better"})) for run_id, row in by_run.items()},
        best=best,
        clear=best is not None and all(_apart(by_run[best], row) for run_id, row in by_run.items() if run_id != best),
    )


def _best(by_run: Mapping[str, Row], higher_is_better: bool | None) -> str | None:
    values = {run_id: row.value for run_id, row in by_run.items() if row.value is not None}
    if higher_is_better is None or not values:
        return None
    return (max if higher_is_better else min)(values, key=values.__getitem__)


def _apart(one: Row, other: Row) -> bool:
    """Tell whether two intervals have nothing in common; unknown ends count as common."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.high < other.low or other.high < one.low


def _flat(value: Mapping[str, JsonValue], prefix: str = "") -> Iterator[tuple[str, JsonValue]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


def _notes(compared: Sequence[Run], contents: Mapping[str, Content]) -> list[str]:
    """Return what forbids, or weakens, the comparison."""
    notes = []
    if len({(content.task, tuple(target.name for target in content.targets)) for content in contents.values()}) > 1:
        notes.append("the runs differ in task or targets; only the metrics they share are shown")
    rows = {run.id: _test_rows(run) for run in compared}
    if None in rows.values():
        notes.append(
            "some runs have no results/predictions.csv, so it is not known whether all were tested on the same rows"
        )
    elif len(set(rows.values())) > 1:
        notes.append(
            "the runs were tested on different rows (other data, split or seed): their numbers differ by chance too"
        )
    notes.append("each interval is of one run; where two overlap, the data do not tell the runs apart")
    return notes


def _test_rows(run: Run) -> str | None:
    """Return a key of the test rows and what was measured there, or None where the run wrote no predictions."""
    table = run.path / PREDICTIONS
    if not table.is_file():
        return None
    digest = hashlib.sha256()
    with table.open(newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        header = next(lines, [])
        # The source row stands first, the true value of the first target before its prediction.
        cut = next((i for i, name in enumerate(header) if name.endswith("_predicted")), len(header))
        for cells in sorted((cells[0], cells[cut - 1]) for cells in (header, *lines)):
            digest.update("\x1f".join(cells).encode() + b"\x1e")
    return digest.hexdigest()


def _draw(run: Run, metric: MetricAcrossRuns, words: Mapping[str, str]) -> None:
    from scitrain.figures.comparison import Compared, comparison
    from scitrain.figures.save import save

    entries = [
        Compared(f"{run_id} {words[run_id]}".strip(), row.value, row.low, row.high, row.reason, run_id == metric.best)
        for run_id, row in metric.runs.items()
    ]
    sizes = sorted({row.n for row in metric.runs.values()})
    n = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    save(
        comparison(entries, metric.title, metric.unit, metric.higher_is_better, f"test split, n = {n}"),
        run.file(FIGURE),
    )
