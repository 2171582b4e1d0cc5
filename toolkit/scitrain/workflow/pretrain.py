"""From a list of formulas or molecules to a pretrained Transformer: what pretrain_transformer does."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from pydantic import JsonValue

from scitrain.data.builtin import BUILTINS, PREFIX
from scitrain.data.prepared import Target
from scitrain.data.read import stream
from scitrain.data.units import split_unit
from scitrain.errors import DataError, ScitrainError, UnknownNameError, listed
from scitrain.evaluation.rows import MetricRow
from scitrain.figures.embedding_map import embedding_map
from scitrain.figures.learning_curve import learning_curve
from scitrain.figures.periodic_table import Told, periodic_table
from scitrain.figures.save import save
from scitrain.pretraining.corpus import Corpus, Notation, Wanted, facts, read_corpus
from scitrain.pretraining.judge import Accuracy, masked_accuracy, plane, properties_of
from scitrain.pretraining.network import Pretraining
from scitrain.pretraining.options import PretrainingOptions
from scitrain.pretraining.properties import property_rows
from scitrain.pretraining.retrieval import Retrieval, judge_retrieval
from scitrain.pretraining.teaching import fresh, teach
from scitrain.render import render_pretraining_card, render_pretraining_report
from scitrain.render.pretraining_card import FACTS, LOG
from scitrain.runs import Run
from scitrain.training.loop import Learned
from scitrain.workflow.stages import stage
from scitrain.workflow.tokenised import notation_of
from scitrain.workspace import Workspace

__all__ = ["Asked", "Pretrained", "find_texts", "pretrain"]

FEWEST_DRAWN = 8
"""Held-out rows from which a map says anything."""


class Asked(NamedTuple):
    """What is learned from."""

    data: str
    column: str | None
    exclude: str | None
    """A file of what shall not be seen."""


@dataclass(frozen=True)
class Pretrained:
    """What came of it."""

    corpus: Corpus
    network: Pretraining
    learned: Learned
    accuracy: Accuracy | None
    retrieval: Retrieval | None
    properties: list[MetricRow]


def find_texts(data: str, column: str | None, workspace: Workspace) -> tuple[str, Notation, dict[str, list[str]]]:
    """Return the column of formulas or molecules, what it holds, and the first rows of all columns.

    Raises:
        ScitrainError: There is no such column, or none holds formulas or molecules.
    """
    first = next((dict(batch) for batch, _ in stream(data, workspace, 1_000)), None)
    if not first:
        raise DataError(f"{data} holds no rows; give a table with a column of formulas or SMILES")
    sample = {name: list(values) for name, values in first.items()}
    if column is not None and column not in sample:
        raise UnknownNameError(f"column of {data}", column, list(sample))
    name, kind = notation_of(sample if column is None else {column: sample[column]})
    if kind == "selfies":
        raise DataError(f"column {name!r} holds SELFIES; pretraining reads SMILES, which tokenize_materials gives")
    return name, "smiles" if kind == "smiles" else "composition", sample


def pretrain(asked: Asked, options: PretrainingOptions, run: Run) -> Pretrained:
    """Read, train, judge, save, draw."""
    with stage(run, "prepare", "reading formulas or molecules"):
        corpus = _corpus(asked, options, run)
    with stage(run, "train", "pretraining"):
        network, learned = teach(corpus, options, run)
    with stage(run, "evaluate", "measuring held-out rows"):
        found = _judged(asked, options, Pretrained(corpus, network, learned, None, None, []))
    _write(found, asked, options, run)
    return found


def _judged(asked: Asked, options: PretrainingOptions, found: Pretrained) -> Pretrained:
    """Measure each objective that was trained on held-out rows."""
    corpus, network, weights = found.corpus, found.network, options.objectives
    before = fresh(corpus, options).eval() if weights.get("contrastive") else None
    return replace(
        found,
        accuracy=masked_accuracy(network, corpus, options) if weights.get("masked") else None,
        retrieval=None if before is None else judge_retrieval(network, before, corpus, options.seed),
        properties=property_rows(network, corpus, _targets(asked, options)) if weights.get("properties") else [],
    )


def _targets(asked: Asked, options: PretrainingOptions) -> list[Target]:
    """Return what is predicted, with the unit that a built-in set has of it or that stands in the header."""
    known = BUILTINS[asked.data.removeprefix(PREFIX)].units if asked.data.startswith(PREFIX) else {}
    return [Target(name=name, unit=known.get(name) or split_unit(name)[1]) for name in options.targets]


def _corpus(asked: Asked, options: PretrainingOptions, run: Run) -> Corpus:
    column, notation, sample = find_texts(asked.data, asked.column, run.workspace)
    lacking = [name for name in options.targets if name not in sample]
    if lacking:
        raise UnknownNameError(f"column of {asked.data}", lacking[0], list(sample))
    run.decide("column", column, f"its texts are {'SMILES' if notation == 'smiles' else 'formulas'}")
    exclude = None
    if asked.exclude is not None:
        hidden, other, _ = find_texts(asked.exclude, None, run.workspace)
        if other != notation:
            raise ScitrainError(
                f"exclude={asked.exclude!r} holds {other} and data hold {notation}; name a file of the same kind"
            )
        exclude = (asked.exclude, hidden)
    wanted = Wanted(asked.data, column, notation, tuple(options.targets), exclude, options.held_out)
    corpus = read_corpus(wanted, run.path / "checkpoints", run.workspace)
    _refuse_empty(corpus, options)
    how = "whole chemical systems" if notation == "composition" else "molecules"
    run.decide("held_out", corpus.report.held_out, f"{how}, drawn by a hash: none of them is learned from")
    return corpus


def _refuse_empty(corpus: Corpus, options: PretrainingOptions) -> None:
    """Refuse targets without a number among the rows that are learned from."""
    there = np.isfinite(corpus.labels[~corpus.held]).any(0)
    empty = [name for name, some in zip(options.targets, there, strict=True) if not some]
    if empty:
        raise DataError(
            f"no number in the columns {listed(empty)}; targets are columns of numbers, empty where unknown"
        )


def _write(found: Pretrained, asked: Asked, options: PretrainingOptions, run: Run) -> None:
    network, learned = found.network, found.learned
    folder = run.path / "models"
    network.save(folder)
    difference = network.check_save(folder)
    if difference:
        raise ScitrainError(
            f"the saved weights differ from the trained ones by {difference:g}; free disk space and resume the run"
        )
    log: dict[str, JsonValue] = {
        "epochs": [dict(row) for row in learned.history],
        "best_epoch": learned.best_epoch,
        "stopped": learned.stopped,
        **learned.facts,
        "parameters": sum(p.numel() for p in network.body.parameters()),
    }
    run.write_json(LOG, log)
    run.write_json(FACTS, _facts(found, asked, options))
    save(learning_curve(log, "Pretraining"), run.file("figures/pretraining_curve.png"))
    _draw(found, options, run)
    render_pretraining_card(run)
    render_pretraining_report(run)


def _facts(found: Pretrained, asked: Asked, options: PretrainingOptions) -> dict[str, JsonValue]:
    best = found.learned.history[found.learned.best_epoch - 1]
    return {
        "notation": found.corpus.notation,
        "size": options.size,
        "objectives": {str(name): weight for name, weight in options.objectives.items()},
        "targets": list(options.targets),
        "data": asked.data,
        "licence": _licence(asked.data),
        "exclude": asked.exclude,
        "rows": facts(found.corpus.report),
        "held_out_loss": {name: value for name, value in best.items() if name.startswith("val_")},
        "masked_accuracy": None if found.accuracy is None else vars(found.accuracy),
        "retrieval": None if found.retrieval is None else vars(found.retrieval),
        "properties": [row.model_dump(mode="json") for row in found.properties],
    }


def _licence(data: str) -> str | None:
    """Return the licence of a built-in set; a file states none."""
    return BUILTINS[data.removeprefix(PREFIX)].licence if data.startswith(PREFIX) else None


def _draw(found: Pretrained, options: PretrainingOptions, run: Run) -> None:
    accuracy, corpus = found.accuracy, found.corpus
    if accuracy is not None and accuracy.by_element:
        said = f"{accuracy.accuracy:.1%} of {accuracy.n:,} hidden tokens of held-out rows · always the commonest: {accuracy.commonest:.1%}"
        told = Told("Which elements are told from their surroundings", said, "n: hidden places of the element.")
        figure = periodic_table(accuracy.by_element, accuracy.counts, "share told rightly", told, share=True)
        save(figure, run.file("figures/masked_accuracy.png"))
    if int(corpus.held.sum()) >= FEWEST_DRAWN:
        at, held = plane(found.network, corpus, options.seed)
        values, name = properties_of(corpus, held, tuple(options.targets))
        told_of = f"t-SNE of the row vectors · {len(held):,} held-out rows"
        note = "Near points are alike to the network; distances between far groups mean nothing."
        save(embedding_map(at, values, name, told_of, note), run.file("figures/embedding_map.png"))
