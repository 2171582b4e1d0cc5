"""Can the charges of a composition cancel, and do the more electronegative elements hold the negative ones?

The two rules of SMACT (Davies et al. 2016, doi:10.1016/j.chempr.2016.09.010; Davies et al. 2019, doi:10.21105/joss.01361) with its default
oxidation states. smact tries every combination, which takes minutes for a formula of ten elements; here the reachable charges are a
bit set, so that the time grows with the number of elements alone. A test holds the answers equal to smact's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from scitrain.chem.element_screening import screening
from scitrain.chem.formula_features import reduce_amounts

__all__ = ["Balance", "balance"]

PARTS = 10_000
"""Atoms that a composition without a small whole-number ratio is rounded to; its charge may miss zero by what rounding moves."""


@dataclass(frozen=True)
class Balance:
    """What the rules say of one composition."""

    neutral: bool
    """Some choice of one oxidation state per element adds up to zero; a single element is neutral."""
    balanced: bool
    """Some such choice leaves every cation below every anion in electronegativity: smact's validity with alloys off."""
    alloy: bool
    """Metals alone, which smact counts as valid unless told otherwise."""

    @property
    def with_alloys(self) -> bool:
        """Return smact's validity by default."""
        return self.balanced or self.alloy


def balance(amounts: Mapping[str, float]) -> Balance:
    """Judge a composition; it is reduced first, since only ratios count."""
    known = screening()
    alloy = all(known[symbol]["metal"] for symbol in amounts)
    if len(amounts) == 1:
        return Balance(True, True, alloy)
    states = {symbol: known[symbol]["states"] for symbol in amounts}
    if not all(states.values()):
        return Balance(False, False, alloy)
    counts, slack = _whole(amounts)
    return Balance(_cancels(counts, states, slack), _ordered(counts, states, slack), alloy)


def _whole(amounts: Mapping[str, float]) -> tuple[dict[str, int], int]:
    """Return whole amounts, and how far their charge may lie from zero."""
    reduced = reduce_amounts(dict(amounts))
    if all(value == round(value) for value in reduced.values()):
        return {symbol: round(value) for symbol, value in reduced.items()}, 0
    total = sum(reduced.values())
    return {s: max(1, round(value / total * PARTS)) for s, value in reduced.items()}, 5 * len(amounts)


def _ordered(counts: Mapping[str, int], states: Mapping[str, list[int]], slack: int) -> bool:
    """Tell whether charges cancel with all cations below all anions: tried for each electronegativity that could part them."""
    known = screening()
    pulls = {symbol: known[symbol]["electronegativity"] for symbol in counts}
    values = {symbol: pull for symbol, pull in pulls.items() if pull is not None}
    if len(values) < len(pulls):
        return False
    for edge in set(values.values()):
        allowed = {s: [q for q in states[s] if (q > 0) == (values[s] <= edge)] for s in counts}
        if all(allowed.values()) and _cancels(counts, allowed, slack):
            return True
    return False


def _cancels(counts: Mapping[str, int], states: Mapping[str, list[int]], slack: int) -> bool:
    """Tell whether one state per element can add up to zero; bit i of the set stands for the charge ``base + i``."""
    reached, base = 1, 0
    for symbol, count in counts.items():
        lowest = min(states[symbol])
        before, reached = reached, 0
        for state in states[symbol]:
            reached |= before << (count * (state - lowest))
        base += count * lowest
    first, last = max(0, -base - slack), slack - base
    return last >= 0 and bool((reached >> first) & ((1 << (last - first + 1)) - 1))
