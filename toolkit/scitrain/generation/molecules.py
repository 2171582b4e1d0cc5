"""Figures about a set of molecules, each by its published definition."""

from collections.abc import Mapping

import numpy as np

from scitrain.chem.molecule_criteria import PROPERTIES, mean_similarities
from scitrain.chem.molecules import nearest_similarity
from scitrain.generation.describe import Described
from scitrain.generation.measures import Measure, mean_of, share_of, undefined, wasserstein

__all__ = ["PAIRS", "diversity", "molecule_measures", "nearest_known"]

DIVERSE = 1_000
"""Molecules among which similarities are averaged."""
FEWEST = 10
"""Molecules from which on the interval's normal limit means anything: the row means of two are always equal."""
PAIRS = 50_000_000
"""Similarities to the reference that are computed, at about 0.1 µs each."""
MOSES = "Polykovskiy et al. 2020, doi:10.3389/fphar.2020.565644"
COMPARED = ("logp", "mol_weight", "tpsa", "qed", "sa")


def molecule_measures(names: list[str], own: Described, other: Described | None, seed: int) -> list[Measure]:
    """Return the figures of unique valid molecules.

    Args:
        names: Canonical SMILES of the described molecules.
        own: Of them.
        other: Of the reference, or None.
        seed: Of what is sampled.
    """
    beside = {} if other is None else _quality(other)
    told = [measure.against({"reference": beside.get(measure.name)}) for measure in _quality_measures(own)]
    return [diversity(names, seed), _scaffolds(own), *told, *_distributions(own, other)]


def diversity(names: list[str], seed: int) -> Measure:
    """Return 1 − mean Tanimoto similarity over all pairs of different molecules, of a sample where there are many.

    The interval is the normal limit of a U-statistic: the variance of a mean over pairs is four times that of a row's mean, over n.
    """
    what = f"1 − mean Tanimoto similarity of all pairs (Morgan, radius 2, 2,048 bits); IntDiv₁ of MOSES without self-pairs ({MOSES})"
    if len(names) < 2:
        return undefined("internal_diversity", what, "fewer than two unique molecules")
    chosen = names
    if len(names) > DIVERSE:
        chosen = [names[i] for i in np.random.default_rng(seed).choice(len(names), DIVERSE, replace=False)]
    rows = mean_similarities(chosen)
    value = 1 - float(rows.mean())
    if len(rows) < FEWEST:
        return Measure("internal_diversity", value, len(rows), what, note=f"no interval: fewer than {FEWEST} molecules")
    reach = 1.96 * 2 * float(rows.std(ddof=1)) / np.sqrt(len(rows))
    note = f"of a random sample of {DIVERSE:,}" if len(names) > DIVERSE else ""
    return Measure(
        "internal_diversity", value, len(rows), what, max(0.0, value - reach), min(1.0, value + reach), note=note
    )


def _scaffolds(own: Described) -> Measure:
    ringed = [scaffold for scaffold in own.words["scaffold"] if scaffold]
    seen: set[str] = set()
    first = [not (scaffold in seen or seen.add(scaffold)) for scaffold in ringed]  # type: ignore[func-returns-value]  # None is falsy
    what = "share of the molecules with a ring that are the first with their Bemis–Murcko scaffold (1996, doi:10.1021/jm9602928)"
    return share_of("scaffold_diversity", first, what)


def _quality_measures(own: Described) -> list[Measure]:
    alerts = "share without a structural alert of"
    passes = own.flags["pains_free"] & own.flags["brenk_free"]
    return [
        share_of("filters_passed", passes, f"{alerts} PAINS or Brenk, RDKit's FilterCatalog"),
        share_of(
            "pains_free", own.flags["pains_free"], f"{alerts} PAINS (Baell and Holloway 2010, doi:10.1021/jm901137j)"
        ),
        share_of("brenk_free", own.flags["brenk_free"], f"{alerts} Brenk et al. 2008, doi:10.1002/cmdc.200700139"),
        *(
            mean_of(f"mean_{name}", own.numbers[name], PROPERTIES[name][1], PROPERTIES[name][0])
            for name in ("qed", "sa")
        ),
    ]


def _quality(other: Described) -> dict[str, float | None]:
    return {measure.name: measure.value for measure in _quality_measures(other)}


def _distributions(own: Described, other: Described | None) -> list[Measure]:
    found = []
    for name in COMPARED:
        unit, definition = PROPERTIES[name]
        what = f"Wasserstein distance of the distribution of {name} to that of the reference ({MOSES}); {definition}"
        if other is None:
            found.append(undefined(f"wasserstein_{name}", what, "no reference set was given", unit))
        else:
            found.append(wasserstein(f"wasserstein_{name}", own.numbers[name], other.numbers[name], what, unit))
    return found


def nearest_known(
    names: list[str], reference: Mapping[str, None] | frozenset[str] | None, seed: int
) -> tuple[np.ndarray, Measure]:
    """Return the similarity of each molecule to the nearest of the reference, NaN where not looked at, and its mean."""
    what = f"mean Tanimoto similarity to the nearest molecule of the reference (Morgan, radius 2, 2,048 bits); SNN of MOSES ({MOSES})"
    found = np.full(len(names), np.nan)
    if not reference or not names:
        why = "no unique valid molecule" if reference else "no reference set was given"
        return found, undefined("nearest_similarity", what, why)
    most = max(1, min(len(names), PAIRS // len(reference)))
    rows = np.sort(np.random.default_rng(seed).choice(len(names), most, replace=False))
    found[rows] = nearest_similarity([names[i] for i in rows], sorted(reference))
    measure = mean_of("nearest_similarity", found[rows], what)
    note = "" if most == len(names) else f"of a random sample of {most:,}"
    return found, Measure(**{**vars(measure), "note": note})
