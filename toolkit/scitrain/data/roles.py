"""Which columns are predicted, which are predicted from, and which are left out, each with the reason."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow.compute as pc

from scitrain.contracts.modality import Recognition
from scitrain.data.columns import TextColumn, as_arrow, take
from scitrain.data.options import DataOptions
from scitrain.data.source import Source
from scitrain.data.values import numbers, spelt_numbers
from scitrain.errors import DataError, UnknownNameError, listed
from scitrain.modalities import MODALITIES
from scitrain.runs import Decision

__all__ = [
    "SPLIT_WORDS",
    "Roles",
    "as_list",
    "candidates",
    "check_names",
    "choose_roles",
    "id_like",
    "is_split_column",
    "no_time",
    "recognise",
    "sample_rows",
]

SAMPLE = 1000
MIN_ROWS = 5
"""In fewer rows every column has its own value in each."""
WORD = r"(?i)[a-zß-ÿ]{2}"
"""Two letters: what no number and no date in digits has."""
MAX_FOLDS = 20
TARGET_WORDS = ("target", "label", "y", "class", "output", "response", "property", "activity")
ID_NAME = re.compile(r"(^|[_\s.-])(id|ids|uuid|guid|index|idx|unnamed_\d+|inchikey|cas)$", re.IGNORECASE)
FOLD_NAME = re.compile(r"(^|[_\s.-])(fold|folds|split|set|subset|partition)($|[_\s.-])", re.IGNORECASE)
SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "holdout": "test",
}


@dataclass(frozen=True)
class Roles:
    """What each column is for."""

    modality: str
    targets: tuple[str, ...]
    inputs: tuple[str, ...]
    split_column: str | None
    left_out: dict[str, str] = field(default_factory=dict)
    """Column to the reason."""
    decisions: tuple[Decision, ...] = ()


def as_list(names: str | Sequence[str] | None) -> list[str]:
    """Return one name, several, or none as a list; a name said twice stands once."""
    return [names] if isinstance(names, str) else list(dict.fromkeys(names or ()))


def choose_roles(options: DataOptions, source: Source) -> Roles:
    """Give each column its role, from the request and else from the values.

    Raises:
        UnknownNameError: The request names a column or modality that is not there.
        DataError: The target, or the column to predict from, cannot be told; lists the candidates.
    """
    check_names(options, list(source.columns))
    sample = sample_rows(source, options.seed)
    split_column = _split_column(options, source)
    asked, said = as_list(options.target), as_list(options.inputs)
    taken = {*asked, *options.ignore, *([split_column] if split_column else [])}
    left_out = dict.fromkeys(options.ignore, "ignored on request")
    if split_column:
        left_out[split_column] = "says the split"
    free = [name for name in source.columns if name not in taken]
    left_out |= {} if said else {name: why for name in free if (why := _useless(name, source.columns[name]))}
    usable = said or [name for name in free if name not in left_out]
    if not asked:
        asked, usable, why_target = _choose_target(options, source, sample, usable, left_out)
    else:
        why_target = "asked for"
    if not usable:
        raise DataError(f"no column is left to predict from ({_reasons(left_out)}); name them in `inputs`")
    modality, found = recognise({name: sample[name] for name in usable}, options.modality, bool(said))
    if modality == "tabular" and not said:
        left_out |= {name: why for name in found.columns if (why := id_like(name, source.columns[name]))}
    inputs = tuple(said) or tuple(name for name in found.columns if name not in left_out)
    if not inputs:
        raise DataError(f"no column is left to predict from ({_reasons(left_out)}); name them in `inputs`")
    unread = [name for name in usable if name not in inputs and name not in left_out]
    left_out |= {name: _why_unread(name, source.columns[name], modality) for name in unread}
    decisions = (
        Decision(what="target", value=asked if len(asked) > 1 else asked[0], why=why_target),
        Decision(what="modality", value=modality, why=found.reason),
        Decision(
            what="inputs", value=_short(inputs), why="asked for" if said else f"columns that hold {modality} data"
        ),
        *(() if not left_out else (Decision(what="columns left out", value=_short(left_out), why=_reasons(left_out)),)),
    )
    return Roles(modality, tuple(asked), inputs, split_column, left_out, decisions)


def _why_unread(name: str, cells: TextColumn, modality: str) -> str:
    return (
        f"no {modality} column"
        if modality != "tabular"
        else id_like(name, cells) or "is prose, names rows, or is empty"
    )


def _short(names: Sequence[str] | Mapping[str, str]) -> list[str]:
    shown = list(names)
    return shown if len(shown) <= 20 else [*shown[:20], f"… ({len(shown)} in all)"]


def _reasons(left_out: Mapping[str, str]) -> str:
    return listed((f"{name}: {why}" for name, why in left_out.items()), 8)


def check_names(options: DataOptions, columns: Sequence[str]) -> None:
    """Refuse columns and modalities that are not there, and a column that is both target and input.

    Raises:
        UnknownNameError: Says the near name.
        DataError: Says the column.
    """
    for name in (*as_list(options.target), *as_list(options.inputs), *options.ignore, *as_list(options.split.column)):
        if name not in columns:
            raise UnknownNameError("column", name, columns)
    both = set(as_list(options.target)) & set(as_list(options.inputs))
    if both:
        raise DataError(f"column {listed(sorted(both))} is given both as target and as input; leave it out of one")
    if options.modality != "auto" and options.modality not in MODALITIES:
        raise UnknownNameError("modality", options.modality, ["auto", *MODALITIES])


def sample_rows(source: Source, seed: int, size: int = SAMPLE) -> dict[str, TextColumn]:
    """Return at most ``size`` rows, drawn by ``seed``, in the order of the source."""
    n = len(source)
    chosen = np.arange(n) if n <= size else np.sort(np.random.default_rng(seed).choice(n, size, replace=False))
    return take(source.columns, chosen)


def recognise(columns: Mapping[str, Sequence[str]], asked: str, said: bool = False) -> tuple[str, Recognition]:
    """Return the modality of some columns and which of them it reads; ``said`` columns are taken at their word.

    Raises:
        DataError: None of them is of a known modality, or of the one that was asked for.
    """
    names = list(MODALITIES) if asked == "auto" else [asked]
    found = (
        {name: seen for name in names if (seen := MODALITIES[name].recognise(columns)) is not None} if columns else {}
    )
    if found:
        best = max(found, key=lambda name: found[name].confidence)
        return best, found[best]
    if asked != "auto" and (said or len(columns) == 1):
        return asked, Recognition(tuple(columns), 1.0, "asked for")
    what = "data of a known kind" if asked == "auto" else f"{asked} data"
    raise DataError(
        f"no column looks like {what} (looked at: {listed(columns) or 'none left'}); "
        f"say `inputs` and `modality`; known modalities are {listed(MODALITIES)}"
    )


def _split_column(options: DataOptions, source: Source) -> str | None:
    if options.split.column is not None:
        return options.split.column
    if options.split.kind not in {"column", "time"}:
        return None
    if options.split.kind == "time":
        raise DataError(no_time(list(source.columns)))
    found = [name for name, cells in source.columns.items() if is_split_column(name, cells)]
    if len(found) == 1:
        return found[0]
    raise DataError(
        f"split kind 'column' needs `column`; columns with split words or fold numbers: {listed(found) or 'none'}"
    )


def no_time(columns: Sequence[str]) -> str:
    """Say that a split by time names no column."""
    return f"split kind 'time' needs `column`, the column with the time; columns are {listed(columns)}"


def is_split_column(name: str, cells: Sequence[str]) -> bool:
    """Tell whether a column holds split words, or fold numbers under such a name."""
    whole = as_arrow(cells)
    if len(pc.unique(whole[:SAMPLE])) > MAX_FOLDS + 1:
        return False
    words = pc.unique(pc.utf8_lower(pc.utf8_trim_whitespace(whole)))
    if len(words) > MAX_FOLDS + 1:
        return False
    found = set(words.to_pylist()) - {""}
    if found and found <= set(SPLIT_WORDS):
        return "train" in {SPLIT_WORDS[word] for word in found}
    return bool(FOLD_NAME.search(name)) and bool(found) and all(word.isdigit() for word in found)


def _useless(name: str, cells: TextColumn) -> str | None:
    """Return why a column tells nothing, or None."""
    if is_split_column(name, cells):
        return "says a split"
    if len(pc.unique(cells.arrow[:SAMPLE])) > 1:
        return None
    words = pc.unique(cells.arrow)
    if len(words) > 1 or len(cells) < 2:
        return None
    word: str = words[0].as_py()
    return f"is constant ({word[:40]!r})" if word.strip() else "is empty"


def id_like(name: str, cells: TextColumn) -> str | None:
    """Return why a column of a table names its rows rather than describes them, or None."""
    n, named = len(cells), ID_NAME.search(name) is not None
    if not named and len(pc.unique(cells.arrow[:SAMPLE])) < 0.5 * min(n, SAMPLE):
        return None
    distinct = len(pc.unique(cells.arrow))
    words = pc.mean(pc.cast(pc.match_substring_regex(cells.arrow[:SAMPLE], WORD), "float64")).as_py() or 0.0
    if named and (distinct > 0.5 * n or words > 0.5):
        return f"is named as an identifier and has {distinct:,} different values"
    if n < MIN_ROWS or distinct < 0.5 * n:
        return None
    if words > 0.5:
        return f"is text with {distinct:,} different values in {n:,} rows"
    return "numbers the rows" if _numbers_rows(numbers(cells).values) else None


def _numbers_rows(values: np.ndarray) -> bool:
    return bool(values[0] in (0, 1)) and bool(np.all(np.diff(values) == 1))


def _choose_target(
    options: DataOptions, source: Source, sample: Mapping[str, TextColumn], usable: list[str], left_out: dict[str, str]
) -> tuple[list[str], list[str], str]:
    """Return the target, the columns that remain, and the reason."""
    default = source.default_target
    if default is not None and default not in options.ignore and default not in as_list(options.inputs):
        return [default], [name for name in usable if name != default], f"the target of {source.name}"
    found = candidates(options, source, sample, left_out)
    named = [name for name in found if name.lower() in TARGET_WORDS]
    only = list(found) if len(found) == 1 else named if len(named) == 1 else []
    if not only:
        shown = listed((f"{name} ({what})" for name, what in found.items()), 20)
        raise DataError(
            f"say `target`, the column to predict; candidates in {source.name}: {shown or 'none: no column has labels'}"
        )
    why = "the only column that can be predicted" if len(found) == 1 else "its name says so"
    return only, [name for name in usable if name != only[0]], why


def candidates(
    options: DataOptions,
    source: Source,
    sample: Mapping[str, TextColumn] | None = None,
    left_out: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the columns that could be the target, with what they hold."""
    sample = sample_rows(source, options.seed) if sample is None else sample
    free = [name for name in source.columns if name not in {*options.ignore, *(left_out or {})}]
    said = as_list(options.inputs)
    modality, found = recognise({name: sample[name] for name in (said or free)}, options.modality, bool(said))
    inputs = set(said or (() if modality == "tabular" else found.columns))
    return {name: what for name in free if name not in inputs and (what := _predictable(name, sample[name]))}


def _counts_up(values: np.ndarray) -> bool:
    """Tell whether whole numbers grow from row to row, as a catalogue's numbers do and no measurement."""
    return len(values) >= 20 and bool(np.all(np.diff(values) > 0)) and bool(np.all(values == np.round(values)))


def _predictable(name: str, cells: TextColumn) -> str | None:
    """Return what kind of label a column holds, or None where it can be no target."""
    read = spelt_numbers(cells)
    labelled = int((~read.missing).sum())
    if labelled == 0 or id_like(name, cells) or is_split_column(name, cells) or _counts_up(read.values):
        return None
    distinct = len(pc.unique(cells.arrow))
    if (~np.isnan(read.values)).sum() > 0.5 * labelled:
        return "0/1" if set(np.unique(read.values[~np.isnan(read.values)])) <= {0.0, 1.0} else "number"
    return f"{distinct} words" if distinct <= max(2, 0.2 * labelled) else None
