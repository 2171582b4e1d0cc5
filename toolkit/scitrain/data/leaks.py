"""Find information that a model could not have when it is used: telling features, rows in two splits, near copies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image, UnidentifiedImageError
from pydantic import JsonValue

from scitrain.chem.formulas import chemical_system
from scitrain.chem.molecules import nearest_similarity
from scitrain.data.columns import TextColumn, as_arrow, take
from scitrain.data.prepared import Prepared
from scitrain.data.values import spelt_numbers
from scitrain.modalities import MODALITIES

__all__ = ["Telling", "find_leaks", "near_copies", "telling_features"]

SAMPLE = 20_000
"""Rows looked at for features that give the target away."""
MIN_ROWS = 20
"""Fewer rows agree by chance."""
SAME = 0.9999
"""Absolute correlation from which a feature is the target in another unit."""
TEST_ROWS, TRAIN_ROWS = 500, 5_000
"""Rows compared for near copies."""
IMAGE_SIDE = 16
MANY = 0.1
"""Share of test rows with a near copy from which a warning is due."""


@dataclass(frozen=True)
class Telling:
    """A feature that gives a target away."""

    column: str
    target: str
    how: str


@dataclass(frozen=True)
class _Copies:
    """How near each looked-at test row is to its nearest training row."""

    near: np.ndarray
    """bool (n_test,)."""
    what: str
    """What counts as near."""
    serious: bool
    """Near copies cast doubt on the test, whatever the split promises."""


def find_leaks(prepared: Prepared, seed: int) -> tuple[dict[str, JsonValue], list[JsonValue]]:
    """Return counts and examples, and a sentence for each finding that a reader must know."""
    telling = telling_features(prepared, seed)
    same = _same_inputs(prepared)
    test, train = _drawn(prepared, "test", TEST_ROWS, seed), _drawn(prepared, "train", TRAIN_ROWS, seed)
    copies = near_copies(prepared, test, train)
    facts: dict[str, JsonValue] = {
        "same_input_in_two_splits": same,
        "telling_features": [{"column": one.column, "target": one.target, "how": one.how} for one in telling],
        "near_copies": None
        if copies is None
        else {
            "test_rows": len(test),
            "train_rows": len(train),
            "near": int(copies.near.sum()),
            "share": round(float(copies.near.mean()), 4),
            "what": copies.what,
            "rows": [int(prepared.rows[i]) for i in test[copies.near][:10]],
        },
    }
    warnings: list[JsonValue] = [
        f"{one.column!r} gives {one.target!r} away: {one.how}; leave it out with `ignore` if it is not known in advance"
        for one in telling
    ]
    if copies is not None and copies.serious and copies.near.mean() > MANY:
        warnings.append(f"{copies.near.mean():.0%} of the test rows have {copies.what}; the test may be too kind")
    return facts, warnings


def _same_inputs(prepared: Prepared) -> int:
    """Count inputs that lie in two splits."""
    keys = as_arrow(MODALITIES[prepared.modality].identity(prepared.columns))
    parts = [pc.unique(keys.take(pa.array(rows))) for rows in prepared.split.values()]
    return sum(len(part) for part in parts) - len(pc.unique(pa.concat_arrays(parts)))


def _drawn(prepared: Prepared, part: str, size: int, seed: int) -> np.ndarray:
    rows = prepared.split[part]
    return rows if len(rows) <= size else np.sort(np.random.default_rng(seed).choice(rows, size, replace=False))


def telling_features(prepared: Prepared, seed: int) -> list[Telling]:
    """Return the columns of a table from which a target can be read off without learning.

    A number is telling where its correlation with a numeric target is ±1, or one threshold separates two classes without error; a
    category where each of its values goes with one class or number only.
    """
    if prepared.modality != "tabular" or len(prepared.rows) < MIN_ROWS:
        return []
    n = len(prepared.rows)
    rows = np.arange(n) if n <= SAMPLE else np.sort(np.random.default_rng(seed).choice(n, SAMPLE, replace=False))
    columns, y = take(prepared.columns, rows), prepared.y[rows].reshape(len(rows), -1).astype(np.float64)
    y = np.where(y < 0, np.nan, y) if prepared.task == "multiclass" else y
    found = []
    for name, cells in columns.items():
        read = spelt_numbers(cells)
        for target, labels in zip(prepared.targets, y.T, strict=True):
            how = (
                _numeric(read.values, labels, target.classes is None)
                if not read.bad.any()
                else _categorical(cells, labels)
            )
            found += [Telling(name, target.name, how)] if how else []
    return found


def _numeric(values: np.ndarray, labels: np.ndarray, regression: bool) -> str | None:
    both = ~np.isnan(values) & ~np.isnan(labels)
    x, y = values[both], labels[both]
    if len(x) < MIN_ROWS or x.std() == 0 or y.std() == 0:
        return None
    if regression:
        r = float(np.corrcoef(x, y)[0, 1])
        return f"correlation {r:.5f}" if abs(r) >= SAME else None
    by_class = sorted((float(x[y == c].min()), float(x[y == c].max()), c) for c in np.unique(y))
    smallest = min(int((y == c).sum()) for c in np.unique(y))
    apart = all(one[1] < other[0] for one, other in pairwise(by_class))
    return "its ranges for the classes do not overlap" if apart and smallest >= 5 else None


def _categorical(cells: TextColumn, labels: np.ndarray) -> str | None:
    known = np.flatnonzero(~np.isnan(labels))
    encoded = cells.take(known).arrow.dictionary_encode()
    codes, m = np.asarray(encoded.indices), len(encoded.dictionary)
    y = labels[known]
    if len(y) < MIN_ROWS or m < 2 or m > 0.2 * len(y) or len(np.unique(y)) < 2:
        return None
    low, high = np.full(m, np.inf), np.full(m, -np.inf)
    np.minimum.at(low, codes, y)
    np.maximum.at(high, codes, y)
    return f"each of its {m} values goes with one label only" if np.all(low == high) else None


def near_copies(prepared: Prepared, test: np.ndarray, train: np.ndarray) -> _Copies | None:
    """Compare some test rows with some training rows; None where the modality has no measure here."""
    compare = COMPARE.get(prepared.modality)
    if compare is None:
        return None
    return compare(take(prepared.columns, test), take(prepared.columns, train))


def _molecules(test: dict[str, TextColumn], train: dict[str, TextColumn]) -> _Copies:
    name = next(iter(test))
    nearest = nearest_similarity(list(test[name]), list(train[name]))
    return _Copies(
        nearest >= 0.9, "a training molecule with Tanimoto similarity of at least 0.9 (Morgan, radius 2)", True
    )


def _formulas(test: dict[str, TextColumn], train: dict[str, TextColumn]) -> _Copies:
    name = next(iter(test))
    known = {chemical_system(formula) for formula in train[name]}
    near = np.array([chemical_system(formula) in known for formula in test[name]], dtype=bool)
    return _Copies(near, "a training formula of the same elements", False)


def _tables(test: dict[str, TextColumn], train: dict[str, TextColumn]) -> _Copies:
    left, right = _standardised(test, train)
    # In units of one standard deviation a column: a hundredth is below what two independent rows agree to.
    distance = _nearest(left, right) / np.sqrt(left.shape[1])
    return _Copies(
        distance < 0.01, "a training row that differs by less than 1 % of a standard deviation a column", True
    )


def _nearest(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the Euclidean distance (n,) of each row of ``left`` to the nearest of ``right``."""
    from sklearn.neighbors import NearestNeighbors  # a second, which molecules and formulas need not wait

    distance: np.ndarray = NearestNeighbors(n_neighbors=1).fit(right).kneighbors(left)[0][:, 0]
    return distance


def _standardised(test: dict[str, TextColumn], train: dict[str, TextColumn]) -> tuple[np.ndarray, np.ndarray]:
    """Return both tables, numbers in standard deviations of train; different words lie far apart."""
    left, right = [], []
    for name in test:
        a, b = spelt_numbers(test[name]), spelt_numbers(train[name])
        if a.bad.any() or b.bad.any():
            words = {word: 1000.0 * i for i, word in enumerate(dict.fromkeys([*train[name], *test[name]]))}
            left.append(np.array([words[word] for word in test[name]]))
            right.append(np.array([words[word] for word in train[name]]))
            continue
        known = b.values[~np.isnan(b.values)]
        mean, std = (float(known.mean()), float(known.std()) or 1.0) if len(known) else (0.0, 1.0)
        left.append(np.nan_to_num((a.values - mean) / std, nan=1000.0))
        right.append(np.nan_to_num((b.values - mean) / std, nan=1000.0))
    return np.stack(left, axis=1), np.stack(right, axis=1)


def _images(test: dict[str, TextColumn], train: dict[str, TextColumn]) -> _Copies:
    name = next(iter(test))
    left, right = _thumbnails(list(test[name])[:200]), _thumbnails(list(train[name])[:1000])
    distance = _nearest(left, right) / IMAGE_SIDE
    near = np.zeros(len(test[name]), dtype=bool)
    near[: len(left)] = distance < 1.0
    return _Copies(near, "a training image that differs by less than one grey level as a thumbnail", True)


def _thumbnails(paths: Sequence[str]) -> np.ndarray:
    """Return float64 (n, side²), grey levels 0…255; an image that cannot be read is left to the modality."""
    found = []
    for path in paths:
        try:
            with Image.open(path) as image:
                image.draft("L", (IMAGE_SIDE, IMAGE_SIDE))
                found.append(np.asarray(image.convert("L").resize((IMAGE_SIDE, IMAGE_SIDE)), dtype=np.float64).ravel())
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
            found.append(np.full(IMAGE_SIDE**2, -1e6))
    return np.stack(found)


COMPARE: dict[str, Callable[[dict[str, TextColumn], dict[str, TextColumn]], _Copies]] = {
    "smiles": _molecules,
    "formula": _formulas,
    "tabular": _tables,
    "image": _images,
}
