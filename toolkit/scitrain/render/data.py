"""What is known of the rows: where they came from, which were left out and why, how they were divided."""

from collections.abc import Iterator, Mapping
from typing import Any

from scitrain.figures.words import DASH, count, number, percent, shorten
from scitrain.render.facts import Facts
from scitrain.render.markup import value_words
from scitrain.render.table import Table, table

__all__ = ["columns_table", "data_table", "labels_table", "rejected_table", "split_words"]

MOST_ROWS = 20
MOST_LABELS = 30


def data_table(facts: Facts) -> Table:
    """Return source, identity and counts of the rows."""
    known = {name: value for name, value in _data(facts.data) if value}
    sizes = facts.split_sizes
    if sizes:
        folds = (facts.data.get("split") or {}).get("folds") or {}
        told = [f"{name} {count(n)}" for name, n in sizes.items() if n or not folds]
        told += [
            f"each in its turn the test: {', '.join(f'fold {name} {count(n)}' for name, n in folds.items())}"
        ] * bool(folds)
        known["rows by split"] = ", ".join(told)
    return table("Data", ("what", "value"), known.items())


def _data(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("source", "description", "citation", "fingerprint"):
        yield {"fingerprint": "content hash"}.get(name, name), str(data.get(name) or "")
    yield "modality", str(data.get("modality", ""))
    yield "input columns", shorten(value_words(data.get("input_columns", [])), 300)
    for name in ("rows_read", "rows_kept", "rows_rejected", "rows_changed"):
        if name in data:
            yield name.replace("_", " "), count(data[name])
    twins = data.get("duplicates")
    if twins:
        conflicts, removed = count(twins["conflicting"]), count(twins["rows_removed"])
        told = (
            f"{count(twins['inputs'])}, {conflicts} with conflicting labels ({twins['policy']}: {removed} rows removed)"
        )
        yield "inputs that occur more than once", told


def split_words(facts: Facts) -> str:
    """Return how the rows were divided, and why; empty where not recorded."""
    split = facts.data.get("split") or {}
    if not split:
        return ""
    groups = f", {count(split['groups'])} groups" if isinstance(split.get("groups"), int) else ""
    return f"{split.get('kind') or DASH}{groups}: {split.get('why') or 'no reason recorded'}"


def rejected_table(facts: Facts) -> Table:
    """Return why rows were left out or changed, and how often."""
    kinds = (("left out", facts.data.get("rejected")), ("changed", facts.data.get("changes")))
    body = [[what, reason, count(n)] for what, found in kinds for reason, n in (found or {}).items()]
    return table("Rows left out or changed, by reason", ("what", "reason", "rows"), body[:MOST_ROWS])


def columns_table(facts: Facts) -> Table:
    """Return the columns that the model does not see."""
    found = list((facts.data.get("left_out") or {}).items())
    more = f"; {MOST_ROWS} of {len(found)}" if len(found) > MOST_ROWS else ""
    return table(f"Columns left out{more}", ("column", "reason"), [[str(k), str(v)] for k, v in found[:MOST_ROWS]])


def labels_table(facts: Facts) -> Table:
    """Return unit and distribution of the labels by target."""
    found = [target for target in facts.data.get("targets") or [] if isinstance(target, dict)]
    body = [[str(t["name"]), count(t["labelled"]), count(t["missing"]), _spread(t)] for t in found[:MOST_LABELS]]
    more = f"; the first {MOST_LABELS} of {len(found)}" if len(found) > MOST_LABELS else ""
    return table(f"Labels of all rows that are used{more}", ("target", "labelled", "missing", "distribution"), body)


def _spread(target: Mapping[str, Any]) -> str:
    if "classes" in target:
        total = sum(target["classes"].values())
        commonest = sorted(target["classes"].items(), key=lambda found: -found[1])
        shown = [f"{shorten(name, 40)}: {count(n)} ({percent(n / total)})" for name, n in commonest[:8] if total]
        return ", ".join(shown) + (f", … ({len(commonest)} classes)" if len(commonest) > 8 else "")
    unit = f" {target['unit']}" if target.get("unit") else ""
    low, high = (number(target["quantiles"][end]) for end in ("0", "1"))
    return f"mean {number(target['mean'])}, standard deviation {number(target['std'])}, from {low} to {high}{unit}"
