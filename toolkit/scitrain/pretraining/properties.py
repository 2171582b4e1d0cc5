"""How well a pretrained network tells the properties it was taught, on held-out rows and in each property's own unit."""

from collections.abc import Sequence

import numpy as np
import torch

from scitrain.data.prepared import Target
from scitrain.evaluation.metrics import METRICS
from scitrain.evaluation.problem import Predicted, Problem
from scitrain.evaluation.rows import MODEL, MetricRow, metric_rows
from scitrain.evaluation.scoring import score_by
from scitrain.pretraining.corpus import Corpus
from scitrain.pretraining.lesson import standards
from scitrain.pretraining.network import Pretraining, batch_of

__all__ = ["MEDIAN", "judge_properties", "property_rows"]

JUDGED, BATCH = 20_000, 256
MEDIAN = "training median"
"""The baseline that says the median of the labels that were learned from, whatever the row."""
MEASURED = ("mae", "r2")
SPLIT = "held out"


def property_rows(network: Pretraining, corpus: Corpus, targets: Sequence[Target]) -> list[MetricRow]:
    """Return MAE and R² of each target over the held-out rows that have its label, beside the training median.

    Args:
        network: What was taught, on the CPU.
        corpus: Rows and labels.
        targets: Columns of the labels, each with its unit.
    """
    held = np.flatnonzero(corpus.held & np.isfinite(corpus.labels).any(1))[:JUDGED]
    learned = corpus.labels[~corpus.held]
    median = np.tile(np.nanmedian(learned, axis=0), (len(held), 1))
    said = Predicted(corpus.labels[held], _said(network, corpus, held), baselines={MEDIAN: median})
    return judge_properties(said, targets)


def judge_properties(said: Predicted, targets: Sequence[Target]) -> list[MetricRow]:
    """Return MAE and R² of each target with 95 % bootstrap intervals; rows without its label are left out."""
    if not len(said.y):
        return []
    problem = Problem("regression", tuple(targets))
    named = {MODEL: said.prediction, **said.baselines}
    rows = []
    for metric in (METRICS[name] for name in MEASURED):
        scores = {name: score_by(metric, problem.what, said.y, told, problem.resamples) for name, told in named.items()}
        # no mean over the targets: it would hide that one of them was not learned
        rows += [row for row in metric_rows(problem, scores, SPLIT) if row.target is not None]
    order = [target.name for target in targets]
    return sorted(rows, key=lambda row: order.index(str(row.target)))


def _said(network: Pretraining, corpus: Corpus, places: np.ndarray) -> np.ndarray:
    """Return what the network says of rows, (n, targets), in the unit of each target."""
    centre, scale = standards(corpus.labels[~corpus.held])
    found = []
    with torch.no_grad():
        for at in range(0, len(places), BATCH):
            rows = batch_of(torch.from_numpy(np.asarray(corpus.rows[places[at : at + BATCH]])), "cpu")
            found.append(network.properties(network.vectors(rows)).numpy())
    return np.concatenate(found) * scale + centre if found else np.zeros((0, len(centre)))
