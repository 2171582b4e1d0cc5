"""What a person sees on a terminal: progress while it works, then a short summary and tables."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import JsonValue
from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from scitrain.contracts.operation import Result
from scitrain.runs import Progress

__all__ = ["show_progress", "show_result"]

ROWS = 20
"""Rows of a table that a terminal shows; the JSON has them all."""
UNBROKEN = 44
"""Characters up to which a cell, such as a run id, stays in one line."""
BROKEN = 20
"""Least width of a column of longer cells, which are broken into lines."""


@contextmanager
def show_progress() -> Iterator[Callable[[Progress], None]]:
    """Yield a function that draws progress on stderr: a bar a stage, or a line a stage where nobody watches."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[message]}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console, transient=False) as bars:
        yield _bars(bars)


def show_result(result: Result, folder: Path | None = None, console: Console | None = None) -> None:
    """Print the tables of a result, then its summary, then what was written below ``folder``: what matters most ends last."""
    console = console or Console()
    for name, rows in result.tables().items():
        if rows:
            more = f" (first {ROWS} of {len(rows)})" if len(rows) > ROWS else ""
            console.print(f"{name}{more}", markup=False, highlight=False)
            console.print(_table(rows, console.width))
    console.print(result.summary(), markup=False, highlight=False)
    if folder is not None:
        console.print(f"written to {folder}", markup=False, highlight=False, soft_wrap=True)
        for name in getattr(result, "files", ()):
            console.print(f"  {name}", markup=False, highlight=False, soft_wrap=True)


def _bars(bars: Bars) -> Callable[[Progress], None]:
    tasks: dict[str, TaskID] = {}

    def draw(step: Progress) -> None:
        if step.stage not in tasks:
            for task in tasks.values():
                bars.update(task, total=1, completed=1)
            tasks[step.stage] = bars.add_task(step.stage, total=None, message="")
        bars.update(tasks[step.stage], total=step.total, completed=step.done, message=step.message)

    return draw


def _lines(console: Console) -> Callable[[Progress], None]:
    told: set[str] = set()

    def draw(step: Progress) -> None:
        if step.stage not in told:
            told.add(step.stage)
            console.print(f"{step.stage}: {step.message}".rstrip(": "), markup=False, highlight=False)

    return draw


def _table(rows: Sequence[Mapping[str, JsonValue]], width: int) -> Table:
    shown = rows[:ROWS]
    table = Table()
    columns = _that_fit(_columns(shown), shown, width)
    for key in columns:
        numeric = all(isinstance(row.get(key), int | float | None) for row in shown)
        table.add_column(
            key, justify="right" if numeric else "left", overflow="fold", no_wrap=_longest(key, shown) <= UNBROKEN
        )
    for row in shown:
        table.add_row(*(_cell(row.get(key)) for key in columns))
    return table


def _that_fit(columns: Sequence[str], rows: Sequence[Mapping[str, JsonValue]], width: int) -> list[str]:
    """Return the first columns that fit side by side; the others are in the JSON."""
    fit: list[str] = []
    used = 1
    for key in columns:
        longest = _longest(key, rows)
        used += 3 + (longest if longest <= UNBROKEN else max(BROKEN, len(key)))
        if fit and used > width:
            break
        fit.append(key)
    return fit


def _longest(key: str, rows: Sequence[Mapping[str, JsonValue]]) -> int:
    return max(len(key), *(len(_cell(row.get(key))) for row in rows))


def _columns(rows: Sequence[Mapping[str, JsonValue]]) -> list[str]:
    """Return the columns worth their width: those with values, without the machine's name of what has a title."""
    named = dict.fromkeys(key for row in rows for key in row)
    told = [key for key in named if any(_flat(row.get(key)) for row in rows)]
    return [key for key in told if not (key == "name" and "title" in told)]


def _flat(value: JsonValue) -> bool:
    """Tell whether a value fits a cell."""
    return (
        value is not None
        and not isinstance(value, bool)
        and (not isinstance(value, dict | list) or len(str(value)) <= 60)
    )


def _cell(value: JsonValue) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("[", r"\[")
