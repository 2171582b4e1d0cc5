"""From attributions of arrays to what a person reads: columns, atoms, elements, places, tokens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scitrain.contracts.modality import Columns, Featuriser
from scitrain.explaining.layout import layout_of
from scitrain.explaining.pieces import Unit, smiles_pieces, units
from scitrain.explaining.tokens import by_element, feature_of, token_names
from scitrain.modalities.pretrained_tokens import PretrainedTokens

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["Picture", "Read", "matrix", "read_row", "without_atoms"]


@dataclass(frozen=True)
class Picture:
    """What is drawn of a row beyond bars."""

    atoms: "tuple[Mol, np.ndarray] | None" = None
    """Molecule and its atoms' attributions."""
    tokens: tuple[list[str], np.ndarray] | None = None
    """Tokens and their attributions, without padding."""
    image: tuple[np.ndarray, np.ndarray] | None = None
    """Image (channels, height, width) and its map (height, width)."""
    curve: tuple[list[str], np.ndarray, np.ndarray] | None = None
    """Places along the axis, values (length,) of the first channel, attributions (length,)."""


@dataclass(frozen=True)
class Read:
    """One row, explained."""

    parts: dict[str, float]
    """Attribution by what a person knows; they add up to that of the whole row."""
    picture: Picture = field(default_factory=Picture)
    beside: dict[str, float] = field(default_factory=dict)
    """What is told beside them, and is no part of the sum: what the prediction loses without an atom."""


def read_row(featuriser: Featuriser, cells: Mapping[str, str], x: np.ndarray, values: np.ndarray) -> Read:
    """Read the attributions of one row.

    Args:
        featuriser: What made the row.
        cells: Text of the row by input column.
        x: (…) the row.
        values: (…) its attributions.
    """
    kind = featuriser.model_dump().get("kind")
    if kind in ("molecule", "smiles_tokens", "pretrained_smiles", "text_terms"):
        return (_on_words if kind == "text_terms" else _on_atoms)(featuriser, cells, values)
    shape = featuriser.shape()
    if shape.kind == "tokens":
        if isinstance(featuriser, PretrainedTokens):
            return _on_units(featuriser, cells, values)
        return _on_elements(featuriser, x, values) if kind == "formula_elements" else _on_tokens(featuriser, x, values)
    layout = layout_of(featuriser)
    sums = layout.sums(values[None])[0]
    parts = {name: float(value) for name, value in zip(layout.names, sums, strict=True) if value != 0}
    picture = Picture(image=(x, values.sum(axis=0))) if shape.kind == "image" else Picture()
    if kind in ("series_values", "series_channels"):
        places = [name for name in layout.names if name != "extent"]
        curve = x.reshape(-1)[: len(places)]
        picture = Picture(curve=(places, curve, sums[: len(places)]))
    return Read(parts, picture)


def _on_atoms(featuriser: Featuriser, cells: Mapping[str, str], values: np.ndarray) -> Read:
    from scitrain.explaining.atoms import from_counts, from_pieces, from_tokens

    options: dict[str, Any] = featuriser.options()
    texts = [cells[name] for name in options["columns"]]
    apart: dict[str, float] = {}
    if isinstance(featuriser, PretrainedTokens):
        found = from_pieces(texts, values, smiles_pieces(featuriser, _alone(cells))[0])
    elif featuriser.output == "tokens":
        found = from_tokens(texts, values)
    else:
        start, end = featuriser.shape().blocks["descriptors"]
        found = from_counts(texts, values, options)
        apart = dict(zip((featuriser.names() or ())[start:end], map(float, values[start:end]), strict=True))
    atoms = {
        f"atom {i} {mark}": float(v)
        for i, (mark, v) in enumerate(zip(_symbols(found.mol), found.atoms, strict=True), 1)
    }
    rest = {name: value for name, value in (apart | found.apart).items() if value != 0}
    return Read(atoms | rest, Picture(atoms=(found.mol, found.atoms)))


def _on_words(featuriser: Featuriser, cells: Mapping[str, str], values: np.ndarray) -> Read:
    from scitrain.explaining.words import on_words

    options: dict[str, Any] = featuriser.options()
    text = " ".join(cells[name] for name in options["columns"])
    parts = {name: float(value) for name, value in zip(featuriser.names() or (), values, strict=True) if value != 0}
    return Read(parts, Picture(tokens=on_words(text, values, options)))


def without_atoms(
    featuriser: Featuriser, cells: Mapping[str, str], read: Read, said: Callable[[np.ndarray], np.ndarray]
) -> Read:
    """Return a row of a molecule read as a vector, coloured by what the prediction loses without each atom; others as they are.

    Args:
        featuriser: What made the row.
        cells: Text of the row by input column.
        read: The row as its attributions tell it.
        said: Predictions (n,) of rows (n, width).
    """
    if featuriser.model_dump().get("kind") != "molecule" or featuriser.output != "vector":
        return read
    from scitrain.explaining.deletion import without_each

    options: dict[str, Any] = featuriser.options()
    found = without_each([cells[name] for name in options["columns"]], options, said)
    if found is None:
        return read
    mol, effect = found
    beside = {
        f"without atom {i} {mark}": float(v) for i, (mark, v) in enumerate(zip(_symbols(mol), effect, strict=True), 1)
    }
    return replace(read, beside=beside, picture=Picture(atoms=(mol, effect)))


def _symbols(mol: "Mol") -> list[str]:
    return [atom.GetSymbol() for atom in mol.GetAtoms()]


def _on_tokens(featuriser: Featuriser, x: np.ndarray, values: np.ndarray) -> Read:
    there = x != 0
    every = token_names(featuriser, x)
    names = [name for name, own in zip(every, there, strict=True) if own]
    formula = featuriser.model_dump().get("kind") == "formula_tokens"
    known = by_element(names) if formula else [f"{i} {name}" for i, name in enumerate(names, 1)]
    parts: dict[str, float] = {}
    for name, value in zip(known, values[there], strict=True):
        parts[name] = parts.get(name, 0.0) + float(value)
    places = [name.removeprefix("position ") for name in feature_of(featuriser, every)] if _aligned(featuriser) else []
    shown = [f"{name}{place}" for name, place in zip(names, places, strict=False)] or names
    return Read(parts, Picture(tokens=(shown, values[there])))


def _on_elements(featuriser: Featuriser, x: np.ndarray, values: np.ndarray) -> Read:
    names = token_names(featuriser, x)
    return Read({name: float(value) for name, value in zip(names, values, strict=True) if name})


def _on_units(featuriser: PretrainedTokens, cells: Mapping[str, str], values: np.ndarray) -> Read:
    """Add the attributions of the tokens up to words or letters."""
    found = units(featuriser, _alone(cells))[0]
    sums = np.array([float(values[list(unit.places)].sum()) for unit in found])
    parts = {f"{i} {unit.name}": float(value) for i, (unit, value) in enumerate(zip(found, sums, strict=True), 1)}
    return Read(parts, Picture(tokens=([unit.name for unit in found], sums)))


def _alone(cells: Mapping[str, str]) -> Columns:
    return {name: [cell] for name, cell in cells.items()}


def _aligned(featuriser: Featuriser) -> bool:
    """Tell whether tokens are letters at places that all sequences share, told as biochemists do: Q39."""
    return bool(featuriser.options().get("template"))


def matrix(
    featuriser: Featuriser, columns: Columns, x: np.ndarray, values: np.ndarray
) -> tuple[Sequence[str], np.ndarray]:
    """Return the features that rows have in common and the attributions (n, features) to them.

    A token counts for its symbol (its word, whatever the case; its position, where sequences are aligned), a count of fragments for itself.

    Args:
        featuriser: What made the rows.
        columns: Text of the rows.
        x: (n, …) the rows.
        values: (n, …) their attributions.
    """
    layout = layout_of(featuriser)
    if featuriser.output != "tokens":
        return layout.names, layout.sums(values)
    if isinstance(featuriser, PretrainedTokens):
        rows = [_named(featuriser, found) for found in units(featuriser, columns)]
    else:
        rows = [_counted(featuriser, row) for row in x]
    names = sorted({name for row in rows for name in row if name})
    place = {name: i for i, name in enumerate(names)}
    groups = np.array([[place.get(name, len(names)) for name in row] for row in rows])
    sums = [np.bincount(own, weights=v, minlength=len(names) + 1) for own, v in zip(groups, values, strict=True)]
    return names, np.stack(sums)[:, : len(names)]


def _named(featuriser: PretrainedTokens, own: Sequence[Unit]) -> list[str]:
    """Return what each token of a row counts for; nothing for padding and for what frames the row."""
    found = [""] * featuriser.length
    for unit in own:
        for at in unit.places:
            found[at] = unit.name.lower() if featuriser.reads == "text" else unit.name
    return found


def _counted(featuriser: Featuriser, ids: np.ndarray) -> list[str]:
    names = token_names(featuriser, ids)
    if str(featuriser.model_dump().get("kind")).startswith("formula"):
        return [element if name else "" for element, name in zip(by_element(names), names, strict=True)]
    return [feature if name else "" for feature, name in zip(feature_of(featuriser, names), names, strict=True)]
