"""What is known of the weights that a model was begun from."""

from scitrain.figures.words import count, percent
from scitrain.render.facts import Facts
from scitrain.render.table import Table, table

__all__ = ["transfer_table"]

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
