"""Figures about a set of compositions, each by its published definition, beside those of real and of random formulas."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from scitrain.chem.formula_distance import nearest
from scitrain.chem.formula_features import atomic_amounts
from scitrain.chem.formulas import parse, reduced
from scitrain.generation.describe import COMPOSITION_NUMBERS, Described, describe
from scitrain.generation.measures import Measure, mean_of, share_of, undefined, wasserstein

__all__ = [
    "composition_measures",
    "element_divergence",
    "element_shares",
    "nearest_formula",
    "random_formulas",
    "yardsticks",
]

SMACT = "SMACT's rules with its default oxidation states (Davies et al. 2019, doi:10.21105/joss.01361)"
YARD = 2_000
"""Formulas of a known set that the rules are measured on."""


def composition_measures(own: Described, other: Described | None, known_sets: Mapping[str, Described]) -> list[Measure]:
    """Return the figures of unique valid compositions.

    Args:
        own: Of the candidates.
        other: Of the reference, or None.
        known_sets: Real and random formulas by name, whose figures stand beside.
    """
    beside = {name: {m.name: m.value for m in _rules(said)} for name, said in known_sets.items()}
    told = [m.against({name: values[m.name] for name, values in beside.items()}) for m in _rules(own)]
    return [*told, *_spread(own, other)]


RULES = {
    "balanced": f"share whose charges cancel with every cation less electronegative than every anion, alloys off; {SMACT}",
    "charge_neutral": f"share whose charges can cancel, electronegativity aside; {SMACT}",
    "balanced_or_alloy": f"share that is balanced or of metals alone, which passes most random alloys; {SMACT}",
    "free_of_hazards": "share without As, Cd, Hg, Pb, Tl (ICH Q3D(R2)), Be (IARC 100C) or a radioactive element",
}
MEANS = {"cost": "median", "abundance": "median", "hhi_production": "mean", "hhi_reserve": "mean"}


def _rules(own: Described) -> list[Measure]:
    found = [share_of(name, own.flags[name], what) for name, what in RULES.items()]
    for name, how in MEANS.items():
        unit, what = COMPOSITION_NUMBERS[name]
        found.append(mean_of(f"{how}_{name}", own.numbers[name], f"{how} of: {what}", unit, median=how == "median"))
    return found


def _spread(own: Described, other: Described | None) -> list[Measure]:
    """Return how element counts and stoichiometries compare with those of the reference."""
    found = []
    for name in ("elements", "atoms"):
        what = (
            f"Wasserstein distance of the distribution of the {COMPOSITION_NUMBERS[name][1]} to that of the reference"
        )
        if other is None:
            found.append(undefined(f"wasserstein_{name}", what, "no reference set was given"))
        else:
            found.append(wasserstein(f"wasserstein_{name}", own.numbers[name], other.numbers[name], what))
    kinds = own.words["stoichiometry"]
    if other is None:
        return found
    familiar = set(other.words["stoichiometry"])
    what = "share whose anonymous formula, such as AB2, some formula of the reference has"
    return [*found, share_of("familiar_stoichiometry", [kind in familiar for kind in kinds], what)]


def element_shares(names: Iterable[str]) -> dict[str, float]:
    """Return for each element the share of the formulas that contain it."""
    read = [parse(name) for name in names]
    found = Counter(symbol for amounts in read for symbol in amounts)
    return {symbol: count / len(read) for symbol, count in found.items()}


def element_divergence(own: Mapping[str, float], other: Mapping[str, float], n: int) -> Measure:
    """Return the Jensen–Shannon divergence in bits between the element distributions (Lin 1991, doi:10.1109/18.61115)."""
    what = (
        "Jensen–Shannon divergence, bits, of the frequencies of elements to those of the reference: 0 alike, 1 disjoint "
        "(Lin 1991, doi:10.1109/18.61115)"
    )
    symbols = sorted({*own, *other})
    p, q = (np.array([shares.get(s, 0.0) for s in symbols]) for shares in (own, other))
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2
    value = sum(float((x[x > 0] * np.log2(x[x > 0] / middle[x > 0])).sum()) / 2 for x in (p, q))
    return Measure(
        "element_divergence", value, n, what, note="no interval: it is a description of the set, not an estimate"
    )


def nearest_formula(
    names: Sequence[str], reference: frozenset[str] | None, tick: Callable[[int, int], None] | None = None
) -> tuple[list[str], np.ndarray, Measure]:
    """Return the nearest known formula of each, how far it is, and the mean."""
    what = (
        "mean element mover's distance to the nearest formula of the reference (Hargreaves et al. 2020, "
        "doi:10.1021/acs.chemmater.0c03381), on Pettifor's scale of elements"
    )
    if not reference or not names:
        why = "no unique valid formula" if reference else "no reference set was given"
        return [""] * len(names), np.full(len(names), np.nan), undefined("nearest_distance", what, why)
    known = sorted(reference)
    found = nearest([parse(name) for name in names], [parse(name) for name in known], tick)
    distances = np.array([distance for _, distance in found])
    return [known[i] for i, _ in found], distances, mean_of("nearest_distance", distances, what)


def random_formulas(real: Sequence[str], n: int, seed: int) -> list[str]:
    """Return ``n`` formulas with the amounts of real ones, their elements drawn at random among those of the set."""
    rng = np.random.default_rng(seed)
    read = [parse(name) for name in real]
    symbols = np.array(sorted({symbol for amounts in read for symbol in amounts}))
    found = []
    for at in rng.integers(len(read), size=n):
        amounts = list(read[at].values())
        drawn = rng.choice(symbols, len(amounts), replace=False)
        found.append("".join(f"{s}{atomic_amounts(a)}" for s, a in zip(drawn.tolist(), amounts, strict=True)))
    return found


def yardsticks(real: Mapping[str, Sequence[str]], seed: int) -> dict[str, Described]:
    """Describe real formulas by the name of their set, and random ones made of the last set."""
    rng = np.random.default_rng(seed)
    sets: dict[str, list[str]] = {}
    for name, formulas in real.items():
        pool = sorted(set(formulas))
        sets[name] = [pool[i] for i in rng.permutation(len(pool))[:YARD]]
    last = list(sets)[-1]
    sets[f"random formulas like {last}"] = [reduced(text) for text in random_formulas(sets[last], YARD, seed)]
    return {name: describe("formula", formulas) for name, formulas in sets.items()}
