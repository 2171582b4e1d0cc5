"""Statistics of the elements of a formula, computed inside a network from what it reads anyway: ids and fractions."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from scitrain.chem.formula_elements import FIRST_ELEMENT, UNIT
from scitrain.chem.formula_features import (
    BALANCED_ELEMENTS,
    NORMS,
    SHELLS,
    STATISTICS,
    element_properties,
    oxidation_states,
)

__all__ = ["ElementStatistics"]

FAR = 1e4
"""Stands for ±∞ where a minimum or maximum passes over padding: no standardised property comes near."""


class ElementStatistics(nn.Module):
    """s = fractions ⊕ statistics of the properties ⊕ stoichiometry ⊕ bonding: what `FormulaFeaturiser` tells, but the atoms a formula has.

    Properties are in standard deviations over the elements, so that nothing is learned of rows. Statistics: Ward et al. 2016,
    doi:10.1038/npjcompumats.2016.28.
    """

    properties: Tensor
    """(vocabulary, n_properties), 0 for what is no element."""
    raw: Tensor
    """(vocabulary, 5): valence electrons by shell, electronegativity."""
    charges: Tensor
    """(vocabulary, states): oxidation states."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        names, _, values = element_properties()
        table = torch.from_numpy(values).float()
        picked = [names.index(f"valence_{shell}") for shell in SHELLS] + [names.index("electronegativity")]
        standard = (table - table.mean(0)) / table.std(0).clamp(min=1e-6)
        self.register_buffer("properties", _by_id(standard, vocabulary), persistent=False)
        self.register_buffer("raw", _by_id(table[:, picked], vocabulary), persistent=False)
        states = torch.from_numpy(oxidation_states()).float()
        self.register_buffer("charges", _by_id(states, vocabulary), persistent=False)
        self.elements = len(values)
        self.width = self.elements + len(STATISTICS) * len(names) + 2 + len(NORMS) + len(SHELLS) + 2 + 4

    def forward(self, ids: Tensor, fractions: Tensor) -> Tensor:
        """Map ids (batch, elements), 0 padding, and fractions of the same shape to (batch, width)."""
        there = ids > 0
        weights = fractions / fractions.sum(1, keepdim=True).clamp(min=UNIT)
        parts = [
            self._shares(ids, weights),
            self._statistics(ids, weights, there),
            _stoichiometry(weights, there),
            self._bonding(ids, weights, there),
            self._balance(ids, weights),
        ]
        return torch.cat(parts, dim=1)

    def _shares(self, ids: Tensor, weights: Tensor) -> Tensor:
        """Return the fraction of each element, (batch, 118)."""
        hot = functional.one_hot(ids, len(self.properties))[:, :, FIRST_ELEMENT : FIRST_ELEMENT + self.elements]
        return (hot.to(weights.dtype) * weights.unsqueeze(-1)).sum(1)

    def _statistics(self, ids: Tensor, weights: Tensor, there: Tensor) -> Tensor:
        """Return weighted mean, average deviation, min, max, range, value of the commonest element."""
        values, weight, seen = self.properties[ids], weights.unsqueeze(-1), there.unsqueeze(-1)
        mean = (values * weight).sum(1)
        deviation = ((values - mean.unsqueeze(1)).abs() * weight).sum(1)
        low = torch.where(seen, values, FAR).amin(1)
        high = torch.where(seen, values, -FAR).amax(1)
        # rounding of fractions to 1e-7 shall not decide which of two equal ones is the commonest
        common = seen & (weight >= weight.amax(1, keepdim=True) - 2 * UNIT)
        mode = torch.where(common, values, FAR).amin(1)
        return torch.cat([mean, deviation, low, high, high - low, mode], dim=1)

    def _bonding(self, ids: Tensor, weights: Tensor, there: Tensor) -> Tensor:
        """Return shares of the valence electrons, largest and mean ionic character 1 − exp(−Δχ²/4) (Pauling)."""
        raw = self.raw[ids]
        electrons = (raw[:, :, :-1] * weights.unsqueeze(-1)).sum(1)
        electrons = electrons / electrons.sum(1, keepdim=True).clamp(min=1e-6)
        negativity = raw[:, :, -1]
        ionic = 1 - torch.exp(-(negativity.unsqueeze(2) - negativity.unsqueeze(1)).square() / 4)
        both = (there.unsqueeze(2) & there.unsqueeze(1)).to(ionic.dtype)
        mean = (ionic * weights.unsqueeze(2) * weights.unsqueeze(1)).sum((1, 2))
        return torch.cat([electrons, (ionic * both).amax((1, 2)).unsqueeze(1), mean.unsqueeze(1)], dim=1)

    def _balance(self, ids: Tensor, weights: Tensor) -> Tensor:
        """Return lowest, highest and absolutely smallest mean charge of an atom, and whether it is zero, (batch, 4)."""
        charges = self.charges[ids] * weights.unsqueeze(-1)
        low, high = charges.amin(2).sum(1), charges.amax(2).sum(1)
        outside = torch.maximum(low, -high).clamp(min=0)
        count = (ids > 0).sum(1)
        # elements stand before padding, whose charge is 0: of few elements the first four hold all there is
        few = functional.pad(charges, (0, 0, 0, BALANCED_ELEMENTS))[:, :BALANCED_ELEMENTS]
        totals = few[:, 0]
        for place in range(1, BALANCED_ELEMENTS):
            totals = (totals.unsqueeze(2) + few[:, place].unsqueeze(1)).flatten(1)
        all_tried = (count > 1) & (count <= BALANCED_ELEMENTS)
        distance = torch.where(all_tried, totals.abs().amin(1), outside)
        balanced = (distance < 1e-5).to(distance.dtype)
        return torch.stack([low, high, distance, balanced], dim=1)


def _stoichiometry(weights: Tensor, there: Tensor) -> Tensor:
    """Return number of elements, mixing entropy in R, p-norms of the fractions."""
    entropy = -(weights * weights.clamp(min=UNIT).log()).sum(1)
    norms = [weights.pow(p).sum(1).pow(1 / p) for p in NORMS]
    return torch.stack([there.sum(1).to(weights.dtype), entropy, *norms], dim=1)


def _by_id(values: Tensor, vocabulary: int) -> Tensor:
    """Return values (118, n) by token id, (vocabulary, n); zero for what is no element."""
    found = torch.zeros(vocabulary, values.shape[1])
    found[FIRST_ELEMENT : FIRST_ELEMENT + len(values)] = values
    return found
