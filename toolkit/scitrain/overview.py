"""What is said about a run at a glance, from its record and results alone."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from scitrain.runs import Run, RunRecord
from scitrain.workflow.headline import Headline

__all__ = ["METRICS", "about", "headlines", "next_step", "verdict"]

METRICS = "results/metrics.json"
TELLING = ("data", "target", "targets", "run", "runs", "model", "inputs")
"""Fields of a request by which a person recognises it."""
MOST_WORDS = 60


def about(spec: Mapping[str, JsonValue]) -> str:
    """Return the few fields by which a person recognises a request, such as ``data=esol.csv, target=logS``."""
    told = [f"{name}={_short(spec[name])}" for name in TELLING if spec.get(name)]
    return ", ".join(told)


def headlines(run: Run, record: RunRecord) -> list[Headline]:
    """Return the metrics that are told first: those of the result, else the test rows of ``results/metrics.json``."""
    told = (record.result or {}).get("metrics")
    if isinstance(told, list) and told:
        rows = [row for row in told if isinstance(row, dict)]
    elif (run.path / METRICS).is_file():
        content = run.read_json(METRICS)
        rows = [row | {"baselines": _values(row)} for row in content["metrics"] if row["split"] == "test"]
        rows.sort(key=lambda row: row["name"] != content["primary"])
    else:
        rows = []
    return [_headline(row) for row in rows]


def _headline(row: Mapping[str, JsonValue]) -> Headline:
    """Return what is told of a row: of the file's simple models, which have intervals of their own there, the value."""
    told = {name: row[name] for name in Headline.model_fields if name in row}
    simple = told.get("baselines")
    if isinstance(simple, dict):
        told["baselines"] = {name: one["value"] if isinstance(one, dict) else one for name, one in simple.items()}
    return Headline.model_validate(told)


def _values(row: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Return the simple models' values of a row of ``metrics.json``, which has their intervals too."""
    return {name: found["value"] for name, found in row.get("baselines", {}).items()}


def verdict(run: Run, record: RunRecord) -> str:
    """Return the sentence that compares the network with the simple models; empty where there is none."""
    told = (record.result or {}).get("verdict")
    if isinstance(told, str):
        return told
    found = run.read_json(METRICS).get("verdict") if (run.path / METRICS).is_file() else None
    return str(found["sentence"]) if found else ""


def next_step(record: RunRecord) -> str:
    """Return what to call next, with its arguments."""
    if record.status in {"queued", "running"}:
        return f"get_run(run_id={record.run_id!r}, wait_s=45)"
    if record.status == "completed":
        return str((record.result or {}).get("next_step") or "list_runs()")
    if record.status == "failed":
        return (
            f"mend what the error says, then resume_run(run_id={record.run_id!r}), or start anew with other arguments"
        )
    return f"resume_run(run_id={record.run_id!r})"


def _short(value: JsonValue) -> str:
    if isinstance(value, dict):
        value = value.get("family", "…")
    elif isinstance(value, list):
        value = ", ".join(map(str, value))
    text = str(value)
    return text if len(text) <= MOST_WORDS else f"{text[: MOST_WORDS - 1]}…"
