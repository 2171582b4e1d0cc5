"""``MODEL_CARD.md``: what the model is, how good it is, what it is not, how to load it."""

import re
from pathlib import Path
from typing import Any

from scitrain.evaluation.metrics import METRICS
from scitrain.evaluation.report import MetricRow
from scitrain.figures.words import one_line
from scitrain.render.facts import Facts, read_facts
from scitrain.render.markup import environment
from scitrain.render.view import view
from scitrain.runs import Run, atomic_write

__all__ = ["metadata", "render_card"]

CARD = "MODEL_CARD.md"
HUB_METRICS = {
    "auroc": "roc_auc",
    "mcc": "matthews_correlation",
    "rmse": "rmse",
    "r2": "r_squared",
    "spearman": "spearmanr",
}
"""Names of the hub where they differ from ours or are usual there."""
HUB = ("image", "text")
"""Modalities that the hub has tasks of; all others count as tables there."""
UNKNOWN_TO_HUB = ("image-regression", "text-regression")


def render_card(run: Run) -> Path:
    """Write the card from the files of the run.

    Raises:
        RunStateError: The run has no ``metrics.json``.
    """
    facts = read_facts(run)
    text = environment().get_template("model_card.md.j2").render(view(facts), metadata=metadata(facts))
    return atomic_write(run.path / CARD, text)


def metadata(facts: Facts) -> str:
    """Return the metadata block as YAML, in the words of the Hugging Face Hub."""
    from huggingface_hub import EvalResult, ModelCardData

    kind = "regression" if facts.task == "regression" else "classification"
    task = f"{facts.modality if facts.modality in HUB else 'tabular'}-{kind}"
    rows = [r for r in facts.evaluation.metrics if r.split == "test" and r.name in METRICS and r.value is not None]
    shown = [r for r in rows if r.target is None or len(facts.targets) == 1]
    results = [EvalResult(**_result(facts, row, task)) for row in shown]
    card = ModelCardData(
        library_name="scitrain",
        tags=["scitrain", facts.modality, facts.task, *([str(facts.config.model["family"])] if facts.config else [])],
        pipeline_tag=task if task not in UNKNOWN_TO_HUB else None,
        metrics=list(dict.fromkeys(result.metric_type for result in results)),
        model_name=facts.record.run_id,
        eval_results=results,
    )
    return card.to_yaml().strip()


def _result(facts: Facts, row: MetricRow, task: str) -> dict[str, Any]:
    """Return the arguments of one `EvalResult`."""
    name = one_line(facts.source)
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name).name).strip("-.") or "data"
    return {
        "task_type": task,
        "dataset_type": slug,
        "dataset_name": name,
        "dataset_split": row.split,
        "metric_type": HUB_METRICS.get(row.name, row.name),
        "metric_value": row.value,
        "metric_name": row.title + (f" ({one_line(row.unit)})" if row.unit else ""),
        "metric_args": {"low": row.low, "high": row.high, "level": row.level, "n": row.n},
    }
