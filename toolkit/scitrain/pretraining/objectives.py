"""What is learned without labels: masked atoms, two views of one thing, properties with gaps."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from rdkit import Chem, rdBase
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, smooth_l1_loss

import scitrain.chem
from scitrain.chem.formula_elements import FIRST_ELEMENT
from scitrain.tokenizers import SPECIALS, decode, encode, smiles

__all__ = [
    "IGNORED",
    "Masked",
    "contrast",
    "element_groups",
    "formula_view",
    "mask_tokens",
    "molecule_view",
    "next_tokens",
    "property_loss",
]

MASK, SPECIAL = SPECIALS.index("[MASK]"), len(SPECIALS)
IGNORED = -100
"""Label of a place that is not asked for."""
TEMPERATURE = 0.1
SWAPPED, NOISE = 0.15, 0.05
"""Chance that a view replaces an element by its neighbour in the group; relative noise of its amounts."""
TOGETHER = 0.5
"""Share of formulas in which whole groups of elements are masked."""
ELEMENTS = 118


@dataclass(frozen=True)
class Masked:
    """Rows in which some tokens are hidden."""

    ids: Tensor
    """(batch, length)"""
    labels: Tensor
    """(batch, length): the token that stood there, `IGNORED` where it is still there to be read."""


@cache
def element_groups() -> Tensor:
    """Return the group of each element by atomic number − 1, (118,): columns 1…18, 19 lanthanides, 20 actinides."""
    path = Path(scitrain.chem.__file__).with_name("element_properties.json")
    told = json.loads(path.read_text(encoding="utf-8"))
    columns = next(one["values"] for one in told["properties"] if one["name"] == "column")
    found = torch.tensor([int(column) for column in columns])
    found[56:71], found[88:103] = 19, 20
    return found


def mask_tokens(ids: Tensor, share: float, replacements: Tensor, generator: torch.Generator, grouped: bool) -> Masked:
    """Hide a share of the tokens of each row, at least one: 80 % become [MASK], 10 % another token, 10 % stay.

    Specials are never hidden. With ``grouped``, in half of the rows the elements of one group of the periodic table are
    hidden together, so that sulfur does not give selenium away. Devlin et al. 2019, doi:10.18653/v1/N19-1423.

    Args:
        ids: (batch, length), 0 padding.
        share: Of the tokens.
        replacements: Ids from which other tokens are drawn.
        generator: Of all that is drawn.
        grouped: The ids are elements.
    """
    able = ids >= SPECIAL
    drawn = torch.rand(ids.shape, generator=generator)
    first = (drawn + (~able) * 2.0).argmin(dim=1, keepdim=True)
    chosen = able & ((drawn < share) | torch.zeros_like(able).scatter(1, first, True))
    if grouped:
        group = element_groups()[(ids - FIRST_ELEMENT).clamp(0, ELEMENTS - 1)]
        together = able & (group == group.gather(1, first))
        half = torch.rand(len(ids), 1, generator=generator) < TOGETHER
        chosen = torch.where(half, together, chosen)
    fate = torch.rand(ids.shape, generator=generator)
    other = replacements[torch.randint(len(replacements), ids.shape, generator=generator)]
    hidden = torch.where(chosen & (fate < 0.8), torch.full_like(ids, MASK), ids)
    hidden = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, hidden)
    return Masked(hidden, torch.where(chosen, ids, torch.full_like(ids, IGNORED)))


def formula_view(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Return rows (batch, 2 × elements) with some elements replaced by a neighbour in their group, and amounts blurred.

    The order of the elements makes no difference to the network, so that shuffling it would be no other view.
    """
    ids, units = rows.chunk(2, dim=1)
    able = (ids >= FIRST_ELEMENT) & (ids < FIRST_ELEMENT + ELEMENTS)
    place = (ids - FIRST_ELEMENT).clamp(0, ELEMENTS - 1)
    side = torch.randint(2, ids.shape, generator=generator)
    swapped = _neighbours()[place, side] + FIRST_ELEMENT
    chosen = able & (torch.rand(ids.shape, generator=generator) < SWAPPED)
    noise = torch.exp(NOISE * torch.randn(ids.shape, generator=generator))
    amounts = units * noise
    amounts = amounts / amounts.sum(1, keepdim=True).clamp(min=1) * units.sum(1, keepdim=True)
    return torch.cat([torch.where(chosen, swapped, ids), amounts.round().long().clamp(min=1) * (units > 0)], dim=1)


@cache
def _neighbours() -> Tensor:
    """Return for each element those above and below it in its group, itself where there is none, (118, 2)."""
    groups = element_groups().tolist()
    found = []
    for own in range(ELEMENTS):
        same = [other for other in range(ELEMENTS) if groups[other] == groups[own] and other != own]
        above = [other for other in same if other < own]
        below = [other for other in same if other > own]
        found.append([above[-1] if above else own, below[0] if below else own])
    return torch.tensor(found)


def molecule_view(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Return each molecule (batch, length) in another random spelling (Bjerrum, arXiv:1703.07076), as it was where that is too long."""
    tokenizer = smiles()
    quiet = rdBase.BlockLogs()
    places, spelled = [], []
    for at, row in enumerate(rows.tolist()):
        mol = Chem.MolFromSmiles(decode(tokenizer, row[1:]))
        seed = int(torch.randint(2**31 - 1, (1,), generator=generator))
        if mol is not None:
            places.append(at)
            spelled.append(Chem.MolToRandomSmilesVect(mol, 1, randomSeed=seed)[0])
    del quiet
    tokens = encode(tokenizer, spelled)
    short = np.flatnonzero(tokens.lengths <= rows.shape[1])
    found = rows.clone()
    found[np.array(places, dtype=np.int64)[short]] = torch.from_numpy(tokens.chosen(short).padded(rows.shape[1])).to(
        rows.dtype
    )
    return found


def contrast(some: Tensor, others: Tensor) -> Tensor:
    """Return InfoNCE of two views (batch, width): −mean log softmax over the batch of cos(aᵢ, bⱼ) / 0.1 at j = i, both ways.

    Source: van den Oord et al. 2018, arXiv:1807.03748; Chen et al. 2020, arXiv:2002.05709.
    """
    likeness = normalize(some, dim=1) @ normalize(others, dim=1).T / TEMPERATURE
    right = torch.arange(len(some), device=some.device)
    return (cross_entropy(likeness, right) + cross_entropy(likeness.T, right)) / 2


def next_tokens(ids: Tensor) -> Tensor:
    """Return the token behind each of ids (batch, length), `IGNORED` where there is none."""
    behind = torch.cat([ids[:, 1:], torch.zeros_like(ids[:, :1])], dim=1)
    return torch.where(behind > 0, behind, torch.full_like(ids, IGNORED))


def property_loss(said: Tensor, labels: Tensor) -> Tensor:
    """Return the Huber loss over the labels that are there, (batch, targets) in standard deviations; 0 where none is."""
    there = labels.isfinite()
    if not bool(there.any()):
        return said.sum() * 0.0
    return smooth_l1_loss(said[there], labels[there])


VIEWS: Mapping[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "composition": formula_view,
    "smiles": molecule_view,
}
"""Another view of the same thing, by notation."""


def element_of_tokens() -> dict[int, str]:
    """Return the element that each token of SMILES stands for, where it stands for one."""
    import re

    symbols = {symbol.lower(): symbol for symbol in _symbols()}
    found = {}
    for token, place in smiles().get_vocab().items():
        inside = re.sub(r"^\[?\d*", "", token)
        match = re.match(r"(Cl|Br|Se|se|Si|si|As|as|Te|te|[A-Z][a-z]?|[bcnops])", inside)
        if (
            place >= SPECIAL
            and match
            and token.strip("[]")
            and match[0].lower() in symbols
            and not token.startswith("@")
        ):
            found[place] = symbols[match[0].lower()]
    return found


def _symbols() -> tuple[str, ...]:
    from scitrain.chem.formula_features import element_properties

    return element_properties()[1]


def frequent(rows: np.ndarray, ids: int) -> Tensor:
    """Return the ids that occur in some rows, specials left out: what replacements are drawn from."""
    found = np.unique(np.asarray(rows)[:, :ids])
    return torch.from_numpy(found[found >= SPECIAL].astype(np.int64))
