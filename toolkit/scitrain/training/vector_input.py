"""What happens to a vector before the members see it; learned from training rows, kept inside the predictor."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from scitrain.contracts.model import InputShape

__all__ = ["CLIP", "VectorInput", "column_statistics", "learn_vector"]

COUNTS = "counts"
"""End of the names of blocks of (log) counts, mostly zero: left as they are, for a z-score would blow up rare ones."""
DESCRIPTORS = "descriptors"
"""Block whose columns span orders of magnitude and bend: read as logarithms, and in `BINS` pieces each besides."""
PIECES = "pieces"
"""Block that the pieces make, behind all others."""
BINS = 8
FEWEST_ROWS = 3
"""A count that fewer training rows have is left out: its weights would stay as they were drawn, and be noise to a new row."""
CLIP = 10.0
"""Standardised values are cut at ± this, so that one absurd descriptor of a new row cannot take over a prediction."""
CHUNK = 1 << 25
"""Numbers looked at in one piece while statistics are learned (256 MiB as float64)."""
QUANTILE_ROWS = 20_000
"""Rows that quantiles are taken of; of more every k-th."""


class VectorInput(nn.Module):
    """z = clip((s(x) − mean) / std, ±10) of the columns that tell something, then the pieces of the descriptors.

    s(x) is x, but sign(x) · ln(1 + |x|) of a descriptor; counts keep their value; what is missing becomes the mean. With quantiles
    q₀ … q₈ of a descriptor in the training rows its pieces are clip((x − q_i) / (q_i+1 − q_i), 0, 1), those of no width left
    out: a piecewise linear encoding, by which a network bends where a tree would split (Gorishniy et al. 2022, arXiv:2203.05556).
    """

    columns: Tensor
    """int64 (kept,): columns of a raw row that are looked at."""
    shift: Tensor
    """(kept,) mean."""
    scale: Tensor
    """(kept,) 1 / standard deviation."""
    owner: Tensor
    """int64 (pieces,): descriptor, counted from the first, of which it is a piece."""
    lower: Tensor
    """(pieces,) quantile at which the piece begins."""
    slope: Tensor
    """(pieces,) 1 / width."""
    middle: Tensor
    """(descriptors,) median, which stands for a missing value."""

    def __init__(self, inner: InputShape) -> None:
        """Make room for a transform whose result has the shape ``inner``, such as `learn_vector` learned."""
        super().__init__()
        width = inner.shape[0]
        kept, end = inner.blocks.get(PIECES, (width, width))
        self.first, self.last = inner.blocks.get(DESCRIPTORS, (0, 0))
        self.register_buffer("columns", torch.arange(kept))
        self.register_buffer("shift", torch.zeros(kept))
        self.register_buffer("scale", torch.ones(kept))
        self.register_buffer("owner", torch.zeros(end - kept, dtype=torch.int64))
        self.register_buffer("lower", torch.zeros(end - kept))
        self.register_buffer("slope", torch.ones(end - kept))
        self.register_buffer("middle", torch.zeros(self.last - self.first))

    def forward(self, rows: Tensor) -> Tensor:
        """Map raw rows (batch, width) to what the members read, (batch, kept + pieces)."""
        rows = rows.index_select(1, self.columns)
        raw = rows[:, self.first : self.last]
        bent = raw.sign() * raw.abs().log1p()
        rows = torch.cat([rows[:, : self.first], bent, rows[:, self.last :]], dim=1)
        standard = ((rows - self.shift) * self.scale).clamp(-CLIP, CLIP)
        standard = torch.where(torch.isnan(standard), torch.zeros_like(standard), standard)
        whole = torch.where(torch.isnan(raw), self.middle, raw).index_select(1, self.owner)
        return torch.cat([standard, ((whole - self.lower) * self.slope).clamp(0.0, 1.0)], dim=1)

    @torch.jit.unused
    def gather(self, values: Tensor, width: int) -> Tensor:
        """Add up what belongs to each raw column, (batch, width), of values for what the members read (batch, kept + pieces)."""
        kept = len(self.columns)
        found = values.new_zeros(len(values), width).index_add_(1, self.columns, values[:, :kept])
        owners = self.columns[self.first : self.last][self.owner]
        return found.index_add_(1, owners, values[:, kept:])


def learn_vector(shape: InputShape, rows: np.ndarray, chosen: np.ndarray) -> tuple[VectorInput, InputShape]:
    """Return the transform of rows of ``shape``, learned from the rows ``chosen`` of (n, width), and the shape of what it gives."""
    columns = _telling(shape, rows, chosen)
    blocks = _blocks_of(shape, columns)
    first, last = blocks.get(DESCRIPTORS, (0, 0))
    some = np.sort(chosen)[:: max(1, len(chosen) // QUANTILE_ROWS)]
    owner, lower, slope, middle = _pieces(rows, some, columns[first:last])
    if len(owner):
        blocks[PIECES] = (len(columns), len(columns) + len(owner))
    inner = replace(shape, shape=(len(columns) + len(owner),), blocks=blocks)
    transform = VectorInput(inner)
    shift, scale = _standard(rows, chosen, columns, blocks)
    learned = {"columns": columns, "shift": shift, "scale": scale, "owner": owner, "lower": lower, "slope": slope}
    for name, values in (learned | {"middle": middle}).items():
        getattr(transform, name).copy_(torch.from_numpy(values))
    return transform, inner


def _telling(shape: InputShape, rows: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the columns that tell the rows ``chosen`` apart; all where none does.

    A column of one value, or a count that hardly any row has, would only cost time.
    """
    counts = np.zeros(shape.shape[0], dtype=bool)
    for name, (start, end) in shape.blocks.items():
        counts[start:end] |= name.endswith(COUNTS)
    kept = []
    for some, values in _parts(rows, chosen, np.arange(shape.shape[0])):
        lowest, highest = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
        often = (values != 0).sum(axis=0) >= min(FEWEST_ROWS, len(chosen))
        kept.append(some[(highest > lowest) & (often | ~counts[some])])
    found = np.concatenate(kept)
    return found if len(found) else np.arange(shape.shape[0])


def _blocks_of(shape: InputShape, columns: np.ndarray) -> dict[str, tuple[int, int]]:
    """Return where each block lies once only ``columns`` are kept; a block of which nothing is left is gone."""
    blocks = {}
    for name, block in shape.blocks.items():
        start, end = (int(at) for at in np.searchsorted(columns, block))
        if end > start:
            blocks[name] = (start, end)
    return blocks


def _pieces(rows: np.ndarray, chosen: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return owner, lower edge and slope of each piece of the ``columns``, and the medians of these."""
    if not len(columns):
        return (np.zeros(0, np.int64), *(np.zeros(0) for _ in range(3)))
    values = np.asarray(rows[chosen][:, columns], np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    values[:, np.isnan(values).all(axis=0)] = 0.0  # known in none of the rows looked at: no pieces
    edges = np.nanquantile(values, np.linspace(0, 1, BINS + 1), axis=0).T.astype(np.float32).astype(np.float64)
    owner, at = np.nonzero(np.diff(edges, axis=1) > 0)
    return owner, edges[owner, at], 1 / (edges[owner, at + 1] - edges[owner, at]), edges[:, BINS // 2]


def _standard(
    rows: np.ndarray, chosen: np.ndarray, columns: np.ndarray, blocks: dict[str, tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and 1 / standard deviation of each of ``columns``; 0 and 1 of a count."""
    mean, std, measured = np.zeros(len(columns)), np.ones(len(columns)), np.ones(len(columns), dtype=bool)
    for name, (start, end) in blocks.items():
        measured[start:end] = not name.endswith(COUNTS)
    bent = np.zeros(len(columns), dtype=bool)
    bent[slice(*blocks.get(DESCRIPTORS, (0, 0)))] = True
    mean[measured], std[measured] = column_statistics(rows, chosen, columns[measured], bent[measured])
    return mean, 1.0 / np.where(std > 1e-12 * np.maximum(np.abs(mean), 1e-12), std, 1.0)


def column_statistics(
    rows: np.ndarray, chosen: np.ndarray, columns: np.ndarray, bent: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation (columns,) of the finite values of ``columns``; 0 and 1 where there is none.

    Those that ``bent`` (columns,) marks are measured as sign(x) · ln(1 + |x|).
    """
    means, stds, done = [np.zeros(0)], [np.zeros(0)], 0
    for some, values in _parts(rows, chosen, columns):
        at = bent[done : done + len(some)]
        done += len(some)
        values[:, at] = np.sign(values[:, at]) * np.log1p(np.abs(values[:, at]))
        count = np.maximum((~np.isnan(values)).sum(0), 1)
        mean = np.nansum(values, 0) / count
        means.append(mean)
        stds.append(np.sqrt(np.nansum((values - mean) ** 2, 0) / count))
    return np.concatenate(means), np.concatenate(stds)


def _parts(rows: np.ndarray, chosen: np.ndarray, columns: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield some of ``columns`` with their values (chosen, some) as float64, NaN where not finite, `CHUNK` numbers at a time."""
    chosen = np.sort(chosen)
    for some in np.array_split(columns, max(1, -(-len(chosen) * len(columns) // CHUNK))):
        values = np.asarray(rows[chosen[:, None], some[None]], np.float64)
        yield some, np.where(np.isfinite(values), values, np.nan)
