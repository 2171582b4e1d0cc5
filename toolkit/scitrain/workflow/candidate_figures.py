"""Figures of what a generator drew: drawings and distributions of molecules, elements of compositions, what was asked and got."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from scitrain.chem.calculated import CALCULATED, UNITS, calculate, calculate_for, calculated_for
from scitrain.chem.formulas import parse
from scitrain.figures.asked_and_got import AskedFor, asked_and_got
from scitrain.figures.candidate_distributions import candidate_distributions
from scitrain.figures.element_shares import element_shares
from scitrain.figures.molecule_grid import molecule_grid
from scitrain.figures.save import save
from scitrain.generation.config import GeneratorConfig
from scitrain.generation.heeding import varies
from scitrain.runs import Run

__all__ = ["ASKED_FIGURE", "Drawing", "draw_candidates"]

ASKED_FIGURE = "figures/asked.png"
SHOWN = 12
SEEN = 0.01
"""Half of the width, as a part of the trained range, in which one asked value without tolerance is drawn."""
DRAWN = ("logp", "mol_weight", "qed", "tpsa", "rings")


@dataclass(frozen=True)
class Drawing:
    """What is drawn."""

    keys: Sequence[str]
    """Canonical SMILES or reduced formulas, at least one."""
    reference: Sequence[str]
    """Some training strings."""
    asked: Mapping[str, np.ndarray]
    """By property the value (n,) that each was asked for."""
    subtitle: str
    shown: Sequence[str] = ()
    """Molecules that are drawn; none: the first of all."""
    tolerances: Mapping[str, float] = field(default_factory=dict)
    """By property how far from what was asked a candidate may be."""


def draw_candidates(run: Run, drawing: Drawing, config: GeneratorConfig) -> None:
    """Write the figures."""
    _draw_asked(run, drawing, config)
    keys = drawing.keys
    if config.kind == "formula":
        shares, known = _element_shares(keys), _element_shares(drawing.reference)
        save(element_shares(shares, known, drawing.subtitle), run.file("figures/elements.png"))
        return
    names = list(dict.fromkeys([*(name for name in drawing.asked if name in CALCULATED), *DRAWN]))
    own, other = calculate(keys, names), calculate(drawing.reference, names)
    values, beside = dict(zip(names, own.T, strict=True)), dict(zip(names, other.T, strict=True))
    reach = {one.name: SEEN * (one.high - one.low) for one in config.conditions} | dict(drawing.tolerances)
    wanted = {
        name: (float(v.min()) - reach[name], float(v.max()) + reach[name])
        for name, v in drawing.asked.items()
        if name in names
    }
    save(
        candidate_distributions(values, beside, UNITS, wanted, drawing.subtitle),
        run.file("figures/candidate_distributions.png"),
    )
    shown = list(drawing.shown or keys)
    told = zip(*calculate(shown[:SHOWN], names[:2]).T, strict=True)
    captions = [
        [f"{name.replace('_', ' ')} {value:.3g}" for name, value in zip(names, row, strict=False)] for row in told
    ]
    save(molecule_grid(shown, captions, "New molecules", drawing.subtitle), run.file("figures/molecules.png"))


def _draw_asked(run: Run, drawing: Drawing, config: GeneratorConfig) -> None:
    """Draw what was got against what was asked, of properties that can be calculated and were not asked alike."""
    names = [name for name in drawing.asked if name in calculated_for(config.kind) and varies(drawing.asked[name])]
    if not names:
        return
    got = calculate_for(config.kind, drawing.keys, names)
    units = {one.name: one.unit for one in config.conditions}
    told = [AskedFor(name, units[name] or "", drawing.asked[name], got[:, i]) for i, name in enumerate(names)]
    save(asked_and_got(told, drawing.subtitle), run.file(ASKED_FIGURE))


def _element_shares(formulas: Sequence[str]) -> dict[str, float]:
    """Return the share of formulas with each element."""
    count = Counter(symbol for formula in formulas for symbol in parse(formula))
    return {symbol: n / len(formulas) for symbol, n in count.items()}
