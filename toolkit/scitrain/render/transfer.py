"""What is known of the weights that a model was begun from."""

from scitrain.figures.words import DASH, count, number, percent, with_unit
from scitrain.render.facts import Facts
from scitrain.render.table import Table, table

__all__ = ["lineage_table", "transfer_table"]

KINDS = {"hub": "a model of a hub", "local": "local weights", "run": "a run of scitrain", "builtin": "random numbers"}


def transfer_table(facts: Facts) -> Table:
    """Return source and licence of the weights, what of them was trained, and what that was good for."""
    told = facts.transfer
    if not told:
        return table("", (), ())
    compared = told.get("compared") or {}
    share = percent(told["trainable"] / told["total"])
    body = {
        "weights": f"{told['source']} ({KINDS.get(told['kind'], told['kind'])})",
        "licence of the weights": told["licence"],
        "strategy": f"{told['strategy']}: {told['why']}",
        "trained numbers": f"{count(told['trainable'])} of {count(told['total'])} ({share})",
        "does the transfer help": compared.get("sentence") or "not asked",
        "overfitting": told["overfitting"],
        "domain shift": told["shift"] or "not measured: the rows of the source are not at hand",
    }
    return table("Pretrained weights", ("what", "value"), body.items())


def lineage_table(facts: Facts) -> Table:
    """Return the stations of the weights, the oldest first, and what those in between were good for; empty where there are none."""
    found = facts.lineage
    if not found or not any(step["data"] for step in found["steps"]):
        return table("", (), ())
    body = [
        [
            step["weights"],
            step["data"] or DASH,
            ", ".join(step["targets"]) or DASH,
            step["strategy"] or DASH,
            DASH if step["value"] is None else f"{step['metric']} {with_unit(number(step['value']), step['unit'])}",
        ]
        for step in found["steps"]
    ]
    told = found["without"]["sentence"] if found["without"] else "What the stations in between gain was not asked."
    head = ("weights", "trained on", "to predict", "strategy", "on its own test rows")
    return table(
        f"Where the weights come from, the oldest first. {told}" if len(body) > 1 else "Where the weights come from",
        head,
        body,
    )
