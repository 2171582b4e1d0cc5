"""What is told of a network that was adapted to another domain."""

from collections.abc import Iterator, Mapping
from typing import Any

from scitrain.figures.words import DASH, count, number
from scitrain.render.facts import Facts
from scitrain.render.table import Table, table

__all__ = ["adaptation_table", "adaptation_words"]


def adaptation_table(facts: Facts) -> Table:
    """Return every way of training with what it reaches on both domains; empty where there is one domain."""
    found = facts.adaptation
    if not found:
        return table("", (), ())
    unit = f" ({found['unit']})" if found["unit"] else ""
    head = (
        "trained",
        f"{found['title']}{unit} on the target",
        "improvement over source-only",
        "on held-out source rows",
        "proxy A-distance",
    )
    body = [
        [
            f"{row['name']} (kept)" if row["name"] == found["kept"] else row["name"],
            _span(row, "test", "low", "high"),
            _span(row, "gain", "gain_low", "gain_high"),
            DASH if row["source_test"] is None else number(row["source_test"]),
            number(row["proxy_a_distance"]),
        ]
        for row in found["arms"]
    ]
    title = (
        f"Adapted from {found['source']} to {found['target']}: {count(found['rows']['adapted_to'])} rows of the target without "
        f"their labels, {count(found['n'])} test rows. Kept: {found['why']}"
    )
    return table(title, head, body)


def adaptation_words(facts: Facts) -> Iterator[str]:
    """Yield what must be known before a network is trusted on the domain it was adapted to."""
    found = facts.adaptation
    if not found:
        return
    if found["outcome"] != "beats":
        yield found["sentences"][0]
    yield (
        "Intervals (or sets) and probabilities were calibrated on validation rows of the source: heed their measured coverage on "
        "the target."
        if found["n"]
        else "Intervals (or sets) and probabilities were calibrated on the source; on the target nothing was measured."
    )


def _span(row: Mapping[str, Any], value: str, low: str, high: str) -> str:
    if row[value] is None:
        return DASH
    ends = "" if row[low] is None or row[high] is None else f" [{number(row[low])}, {number(row[high])}]"
    return f"{number(row[value])}{ends}"
