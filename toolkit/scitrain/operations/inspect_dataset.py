"""Look at a data set before anything is learned from it."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, JsonValue

from scitrain.contracts.operation import Query, Result
from scitrain.data.options import DataOptions
from scitrain.errors import DataError
from scitrain.runs import Decision
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.data.prepared import Prepared
    from scitrain.data.source import Source

__all__ = ["ColumnInfo", "InspectDataset", "Inspection", "RowProblem"]


MOST_NAMED = 20
"""Inputs that are named in the arguments of train_model; more (a spectrum) are found by modality again."""


class ColumnInfo(BaseModel):
    """What one column holds."""

    name: str
    type: str
    """smiles, formula, image, series, sequence, integer, number, boolean, date, category, text, split or empty."""
    unit: str | None
    """From the header, such as `yield (MPa)`."""
    missing: int
    distinct: int
    examples: list[str]
    note: str
    """Why it is left out, or which cells do not fit; empty where there is nothing to say."""


class RowProblem(BaseModel):
    """A row that is left out."""

    line: int
    """Where the row begins in the file."""
    column: str
    value: str
    reason: str


class Inspection(Result):
    """What the data hold, what is wrong with them, and how to train on them."""

    source: str
    description: str
    rows: int
    columns: list[ColumnInfo]
    blocked: str | None
    """Why nothing can be trained on it as asked, and what to do; null where it can."""
    suggestions: list[Decision]
    """Target, modality, inputs, task and split, each with the reason."""
    rows_kept: int | None
    problems: list[RowProblem]
    """The first rows that are left out."""
    problem_counts: dict[str, int]
    """Rows left out by reason."""
    changed: dict[str, int]
    """Rows brought to a standard form, by what was changed."""
    duplicates: dict[str, JsonValue]
    """Inputs that occur more than once, and how many of them have conflicting labels."""
    targets: list[JsonValue]
    """Class balance, or mean, quantiles and histogram, of each target."""
    split: dict[str, JsonValue]
    """Kind, reason and sizes."""
    leaks: dict[str, JsonValue]
    """Features that give the target away, inputs in two splits, near copies across the split."""
    warnings: list[str]
    rejected_file: str | None
    """All rows that are left out: line, column, value, reason."""
    train_model: dict[str, JsonValue] | None
    """Arguments of train_model, ready to send."""

    def summary(self) -> str:
        """Return what a person reads in a chat."""
        head = f"{self.source}: {self.rows:,} rows, {len(self.columns)} columns"
        lines = [head, *map(_column_line, self.columns[:25])]
        lines += [f"… {len(self.columns) - 25} more columns"] if len(self.columns) > 25 else []
        lines += [f"not trainable as asked: {self.blocked}"] if self.blocked else self._outcome()
        lines += [f"warning: {warning}" for warning in self.warnings]
        return "\n".join(
            [*lines, *([f"next: train_model({_arguments(self.train_model)})"] if self.train_model else [])]
        )

    def _outcome(self) -> list[str]:
        left_out = "; ".join(f"{n:,} × {reason}" for reason, n in list(self.problem_counts.items())[:5])
        first = "; ".join(f"{p.line}: {p.reason}" for p in self.problems[:3])
        lines = [f"{s.what}: {_short(s.value)} ({s.why})" for s in self.suggestions if s.what != "columns left out"]
        lines += [
            f"rows kept: {self.rows_kept:,}" + (f"; left out: {left_out} (first, by line: {first})" if left_out else "")
        ]
        changed = "; ".join(f"{n:,} × {what}" for what, n in list(self.changed.items())[:5])
        return [*lines, *([f"changed: {changed}"] if changed else []), *map(_target_line, self.targets)]


def _column_line(column: ColumnInfo) -> str:
    unit = f" [{column.unit}]" if column.unit else ""
    missing = f", {column.missing:,} missing" if column.missing else ""
    note = f" – {column.note}" if column.note else ""
    return f"  {column.name}{unit}: {column.type}, {column.distinct:,} different{missing}, e.g. {', '.join(column.examples[:2])}{note}"


def _target_line(target: JsonValue) -> str:
    facts = target if isinstance(target, dict) else {}
    unit = f" {facts['unit']}" if facts.get("unit") else ""
    classes, quantiles = facts.get("classes"), facts.get("quantiles")
    if isinstance(classes, dict):
        return f"{facts['name']}: " + ", ".join(f"{name} {count}" for name, count in list(classes.items())[:12])
    if isinstance(quantiles, dict):
        low, middle, high = (_number(quantiles[share]) for share in ("0", "0.5", "1"))
        return f"{facts['name']}: {low} … {middle} … {high}{unit} (min, median, max)"
    return str(facts.get("name", ""))


def _number(value: JsonValue) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _short(value: JsonValue) -> str:
    return ", ".join(map(str, value[:6])) + (" …" if len(value) > 6 else "") if isinstance(value, list) else str(value)


def _arguments(arguments: dict[str, JsonValue]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())


class InspectDataset(Query, DataOptions):
    """Look at a data set: columns with types and units, bad rows by line, duplicates, leaks, and how to train on it.

    Call it before train_model; it answers with the arguments of train_model ready to send. Takes the same arguments about data.
    """

    title: ClassVar[str] = "Inspect a data set"
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset(DataOptions.model_fields) - {"data", "target", "inputs"}

    def execute(self, workspace: Workspace) -> Inspection:
        """Read, describe, and prepare as a training would."""
        from scitrain.data.prepare import prepare
        from scitrain.data.profile import all_yes_no
        from scitrain.data.read import read

        source = read(self.data, workspace)
        options = DataOptions(**{name: getattr(self, name) for name in DataOptions.model_fields})
        several = all_yes_no(options, source) if self.target is None and source.default_target is None else []
        options = options.model_copy(update={"target": several}) if several else options
        try:
            prepared = prepare(options, workspace)
        except DataError as error:
            return _blocked(source, options, error)
        return _inspection(source, options, prepared, several)


def _columns(source: "Source", left_out: dict[str, str], seed: int) -> list[ColumnInfo]:
    from scitrain.data.profile import profile

    return [
        ColumnInfo(**{**vars(column), "examples": list(column.examples)}) for column in profile(source, left_out, seed)
    ]


def _blocked(source: "Source", options: DataOptions, error: DataError) -> Inspection:
    """Describe what can be described where nothing can be trained."""
    broken = [RowProblem(line=b.line, column=b.column, value=b.shown, reason=b.reason) for b in source.broken[:10]]
    return Inspection(
        source=source.name,
        description=source.description,
        rows=len(source) + len(source.broken),
        columns=_columns(source, {}, options.seed),
        blocked=str(error),
        suggestions=[],
        rows_kept=None,
        problems=broken,
        problem_counts={"row cannot be read": len(source.broken)} if source.broken else {},
        changed={},
        duplicates={},
        targets=[],
        split={},
        leaks={},
        warnings=list(source.notes),
        rejected_file=None,
        train_model=None,
    )


def _suggestions(source: "Source", options: DataOptions, prepared: "Prepared", several: list[str]) -> list[Decision]:
    """Return the decisions of preparing, and a split column that is there but was not asked for."""
    from scitrain.data.roles import is_split_column

    found = [
        Decision(what="target", value=decision.value, why="they hold only 0 and 1, and are learned together")
        if several and decision.what == "target"
        else decision
        for decision in prepared.decisions
    ]
    names = [
        name for name in source.columns if name not in prepared.columns and is_split_column(name, source.columns[name])
    ]
    if options.split.kind == "column" or not names:
        return found
    why = f"says a split; split={{'kind': 'column', 'column': {names[0]!r}}} takes it instead"
    return [*found, Decision(what="split column", value=names[0], why=why)]


def _inspection(source: "Source", options: DataOptions, prepared: "Prepared", several: list[str]) -> Inspection:
    from scitrain.data.cache import REJECTED

    report: dict[str, object] = dict(prepared.report)
    return Inspection.model_validate(
        {
            **{
                name: report[name]
                for name in ("source", "description", "duplicates", "targets", "split", "leaks", "warnings")
            },
            "rows": report["rows_read"],
            "columns": _columns(source, report["left_out"], options.seed),  # type: ignore[arg-type]  # {column: reason}
            "blocked": None,
            "suggestions": _suggestions(source, options, prepared, several),
            "rows_kept": report["rows_kept"],
            "problems": report["rejected_examples"],
            "problem_counts": report["rejected"],
            "changed": report["changes"],
            "rejected_file": str(prepared.folder / REJECTED) if report["rows_rejected"] else None,
            "train_model": _train_arguments(options, prepared),
        }
    )


def _train_arguments(options: DataOptions, prepared: "Prepared") -> dict[str, JsonValue]:
    """Return what was asked for, with what was found filled in."""
    from scitrain.data.slots import own_task

    names: list[JsonValue] = [target.name for target in prepared.targets]
    units = {target.name: target.unit for target in prepared.targets if target.unit}
    found: dict[str, JsonValue] = {
        "target": names if len(names) > 1 else names[0],
        "task": prepared.task,
        "modality": prepared.modality,
    }
    if prepared.task == "mixed":
        found["task"] = {target.name: own_task(target) for target in prepared.targets}
    if prepared.modality != "tabular" and len(prepared.columns) <= MOST_NAMED:
        inputs: list[JsonValue] = list(prepared.columns)
        found["inputs"] = inputs if len(inputs) > 1 else inputs[0]
    if len(units) == len(names) == 1:
        found["unit"] = next(iter(units.values()))
    asked = options.model_dump(mode="json", exclude_defaults=True)
    layout = prepared.report.get("series")
    if isinstance(layout, dict):  # the columns that were prepared are not those of the file
        told = {name: layout[name] for name in ("id", "time") if layout[name] is not None}
        return {"series": told, **asked, "data": options.data, "modality": "series"}
    return (
        {**found, **asked, "data": options.data} if options.target is None else {**asked, **found, "data": options.data}
    )
