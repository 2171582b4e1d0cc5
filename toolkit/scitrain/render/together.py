"""What learning several targets together gains."""

from scitrain.evaluation.gain import GainRow, GainTold
from scitrain.figures.comparison import Compared
from scitrain.figures.words import DASH, count, number, with_interval
from scitrain.render.facts import Facts
from scitrain.render.table import Table, table

__all__ = ["together_table"]


def together_table(facts: Facts) -> Table:
    """Return by target the metric of the network of all, that of a network of this target alone, and the paired difference."""
    if not facts.single:
        return table("", (), ())
    told = GainTold.model_validate(facts.single)
    head = ("target", "n", f"{told.title} together", "alone", "gain [95 % interval]")
    return table(told.sentence, head, [_row(one) for one in (told.mean, *told.targets)], numeric=True)


def _row(one: GainRow) -> list[str]:
    values = [DASH if value is None else number(value) for value in (one.together, one.alone)]
    return [one.target or "mean over the targets", count(one.n), *values, _gain(one)]


def _gain(one: GainRow) -> str:
    if one.gain is None:
        return f"{DASH} ({one.reason or 'undefined'})"
    return with_interval(Compared("", one.gain, one.low, one.high))
