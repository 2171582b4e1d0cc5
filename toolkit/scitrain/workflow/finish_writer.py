"""What a trained MatT5 leaves: weights, texts of test rows and what they are worth, figures, card and report."""

import csv
import io
from collections.abc import Sequence

import numpy as np

from scitrain.cancellation import stop_if_asked
from scitrain.errors import ScitrainError, listed
from scitrain.figures.learning_curve import learning_curve
from scitrain.figures.panels import NumericTarget
from scitrain.figures.parity import parity
from scitrain.figures.save import save
from scitrain.generation.given import identities
from scitrain.generation.naming import names_a_file
from scitrain.generation.options import Sampling
from scitrain.generation.t5.judging import judge_written
from scitrain.generation.t5.pairs import read_back
from scitrain.generation.t5.teaching import TaughtWriter
from scitrain.generation.t5.writer import load_writer
from scitrain.render.writer_card import WRITTEN, render_writer_card, render_writer_report, render_written
from scitrain.runs import Json, Run, atomic_write
from scitrain.training.journal import LOG
from scitrain.workflow.candidate_rows import CANDIDATES, texts_of
from scitrain.workflow.stages import stage

__all__ = ["check_wanted", "finish_writer", "write_texts"]

PREDICTIONS = "results/predictions.csv"
MOST_TESTED = 2_000
"""Test rows that are written: each takes as long as a draw."""
EXAMPLES = 10
HEAD = ("formula", "written", "truth")


def finish_writer(taught: TaughtWriter, seed: int, run: Run) -> dict[str, Json]:
    """Write models, results, figures and pages; return the content of ``results/written.json``."""
    pairs, parts, writer = taught.pairs, taught.parts, taught.writer
    writer.save(run)
    test = parts.test
    if len(test) > MOST_TESTED:
        test = np.sort(np.random.default_rng(seed).choice(test, MOST_TESTED, replace=False))
    formulas = [pairs.formulas[row] for row in test]
    with stage(run, "evaluate", f"writing of {len(test):,} test rows"):
        said = writer.write(formulas, stop=stop_if_asked)
        judged = judge_written(pairs, parts.train, test, said, seed)
    rows = list(zip(formulas, said, [pairs.text(row) for row in test], strict=True))
    facts: dict[str, Json] = {
        "family": "matt5",
        "data": pairs.facts,
        "writes": [column.model_dump(mode="json") for column in pairs.columns],
        "column": pairs.column,
        "rows": {"train": len(parts.train), "val": len(parts.val), "test": len(test)},
        "best_epoch": taught.learned.best_epoch,
        "val_loss": taught.learned.best_loss,
        "length": writer.config.length,
        "judged": judged,
        "examples": [dict(zip(HEAD, one, strict=True)) for one in rows[:EXAMPLES]],
    }
    run.write_json(WRITTEN, facts)
    _table(run, PREDICTIONS, HEAD, rows)
    with stage(run, "report", "drawing figures, writing card and report"):
        save(learning_curve(run.read_json(LOG), "Learning curve of matt5"), run.file("figures/learning_curve.png"))
        _draw(judged, run)
        render_writer_card(run)
        render_writer_report(run)
    return facts


def _draw(judged: Sequence[dict[str, Json]], run: Run) -> None:
    targets = []
    for one in judged:
        read = [(a, b) for a, b in zip(one.get("truth", []), one.get("said", []), strict=True) if b is not None]
        if read:
            truth, said = np.array(read).T
            targets.append(NumericTarget(one["name"], one["unit"], truth, said))
    if targets:
        save(parity(targets), run.file("figures/parity.png"))


def write_texts(
    run_id: str, inputs: str | Sequence[str], sampling: Sampling, run: Run
) -> tuple[dict[str, Json], list[str]]:
    """Write of formulas; return the content of ``results/generation.json`` and the first texts."""
    writer = load_writer(Run.open(run_id, run.workspace))
    given = wanted_formulas(inputs, run)
    names, errors = identities("formula", given)
    rows = [i for i, name in enumerate(names) if name]
    with stage(run, "generate", f"writing of {len(rows):,} formulas"):
        said = dict(zip(rows, writer.write([names[i] for i in rows], sampling.beams, stop_if_asked), strict=True))
    columns = [column.name for column in writer.config.writes]
    table = []
    for i, text in enumerate(given):
        told = read_back(writer.config.writes, said.get(i, ""))
        table.append((text, names[i], said.get(i, ""), *(told.get(name, "") for name in columns), errors.get(i, "")))
    _table(run, CANDIDATES, ("given", "candidate", "written", *columns, "error"), table)
    facts: dict[str, Json] = {
        "generator": run_id,
        "family": "matt5",
        "wanted": len(given),
        "found": len(rows),
        "read": {name: sum(bool(row[3 + at] != "") for row in table) for at, name in enumerate(columns)},
        "errors": {str(i + 1): why for i, why in list(errors.items())[:20]},
    }
    run.write_json("results/generation.json", facts)
    render_written(run)
    return facts, [f"{given[i]}: {said[i]}" for i in rows]


def check_wanted(inputs: str | Sequence[str], sampling: Sampling) -> None:
    """Refuse a request that a MatT5 cannot follow.

    Raises:
        ScitrainError: There are no formulas, or it was asked to draw.
    """
    if not inputs:
        raise ScitrainError("a matt5 run writes of formulas; name them in `formulas`, as a list or a file")
    others = {name: value for name, value in sampling.model_dump().items() if name not in ("beams", "batch_size")}
    changed = [name for name, value in others.items() if value != getattr(Sampling(), name)]
    if changed:
        raise ScitrainError(
            f"{listed(changed)}: a matt5 run writes the likeliest text and draws none; leave them out, or give beams"
        )


def wanted_formulas(inputs: str | Sequence[str], run: Run) -> list[str]:
    """Return the formulas of a list or a file."""
    if isinstance(inputs, str):
        return texts_of(inputs, run.workspace, "formula") if names_a_file(inputs) else [inputs]
    return list(inputs)


def _table(run: Run, name: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    atomic_write(run.file(name), text.getvalue())
