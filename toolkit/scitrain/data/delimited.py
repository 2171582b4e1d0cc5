"""CSV, TSV and their relatives: every cell as text, every row with its line."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from scitrain.data.columns import TextColumn
from scitrain.data.source import MAX_CELL, Broken
from scitrain.data.textfile import TextFile, inspect_text
from scitrain.errors import DataError

__all__ = ["Dialect", "Part", "parts", "sniff"]

DELIMITERS = ",\t;|"
SAMPLE = 1 << 18
BLOCK = 4 << 20
"""Bytes parsed at once; doubled while a row is longer."""
DECIMAL_COMMA = r"^\s*[-+−]?\d+,\d+([eE][-+]?\d+)?\s*$"
PLAIN_NUMBER = r"^\s*[-+−]?\d+([eE][-+]?\d+)?\s*$"


@dataclass(frozen=True)
class Dialect:
    """How a delimited file is to be read."""

    file: TextFile
    delimiter: str
    names: tuple[str, ...]
    decimal_comma: frozenset[str] = frozenset()
    """Columns whose numbers are written ``3,14``."""
    comments: int = 0
    """Lines before the header that begin with ``#`` and tell of the file."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """Some consecutive rows."""

    columns: dict[str, TextColumn]
    rows: np.ndarray
    lines: np.ndarray
    broken: tuple[Broken, ...] = ()


def sniff(path: Path) -> Dialect:
    """Find encoding, delimiter, header and decimal mark.

    Raises:
        DataError: The file is empty or binary, or its header repeats a name.
    """
    file = inspect_text(path)
    with path.open(encoding=file.encoding, newline="") as opened:
        sample = opened.read(SAMPLE)
    if not sample.strip():
        raise DataError(f"{path.name} holds only blank lines; give a file with a header and at least one row")
    comments, delimiter = _layout(sample, path)
    with _at_header(path, file.encoding, comments) as opened:
        names = _header(opened, delimiter, f"{path.name} line {comments + 1}")
    notes = [] if file.note is None else [file.note]
    notes += [f"lines that begin with # left out before the header ({comments})"] if comments else []
    if delimiter not in ",\t" or (delimiter == "\t") != (path.suffix.lower() in {".tsv", ".tab"}):
        notes += [] if delimiter == "," else [f"cells are separated by {delimiter!r}"]
    dialect = Dialect(file, delimiter, names, comments=comments, notes=tuple(notes))
    return _with_decimal_comma(dialect, sample) if delimiter == ";" else dialect


def _layout(sample: str, path: Path) -> tuple[int, str]:
    """Return how many lines of comment stand before the header, and the mark between cells."""
    lines = sample.splitlines(keepends=True)
    whole = lines[:-1] if len(sample) == SAMPLE and len(lines) > 1 else lines
    comments = next((i for i, line in enumerate(whole) if not line.startswith("#")), 0)
    mark = _delimiter(whole[comments : comments + 200], path)
    if (
        comments
        and len(whole[comments - 1].split(mark)) == len(whole[comments].split(mark))
        and whole[comments - 1][1:2] != " "
    ):
        comments -= 1  # ``#smiles,y`` names the columns
    return comments, mark


def _delimiter(lines: Sequence[str], path: Path) -> str:
    """Take the mark that cuts the first rows into the same number of cells, the larger number where two do."""
    order = "\t,;|" if path.suffix.lower() in {".tsv", ".tab"} else DELIMITERS
    return max(order, key=lambda mark: (*_consistency(lines, mark), -order.index(mark)))


@contextmanager
def _at_header(path: Path, encoding: str, comments: int) -> Iterator[io.TextIOBase]:
    """Open a file where its header begins."""
    with path.open(encoding=encoding, newline="") as opened:
        for _ in range(comments):
            opened.readline()
        yield opened


def _consistency(lines: Sequence[str], mark: str) -> tuple[float, int]:
    with _long_cells():
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
        except csv.Error:
            return 0.0, 0
    if not widths or widths[0] < 2:
        return 0.0, 0
    share = Counter(widths)[widths[0]] / len(widths)
    return (round(share, 1), widths[0])


class _long_cells:  # noqa: N801 - reads as a with-statement's verb
    """Let the csv module read cells of any length for a moment."""

    def __enter__(self) -> None:
        self.limit = csv.field_size_limit(1 << 30)

    def __exit__(self, *_: object) -> None:
        csv.field_size_limit(self.limit)


def _header(opened: io.TextIOBase, delimiter: str, where: str) -> tuple[str, ...]:
    with _long_cells():
        cells = next((row for row in csv.reader(opened, delimiter=delimiter)), [])
    names = [name.strip() or f"unnamed_{i}" for i, name in enumerate(cells, 1)]
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        shown = "; ".join(
            f"{name!r} in columns {', '.join(str(i) for i, n in enumerate(names, 1) if n == name)}"
            for name in repeated[:5]
        )
        raise DataError(f"{where}: column names are repeated ({shown}); give each column a name of its own")
    if not names:
        raise DataError(f"{where} is blank; its first line must name the columns")
    return tuple(names)


def _with_decimal_comma(dialect: Dialect, sample: str) -> Dialect:
    with _long_cells():
        lines = io.StringIO(sample).readlines()[dialect.comments :]
        rows = [row for row in csv.reader(lines, delimiter=";") if len(row) == len(dialect.names)][1:]
    found = {
        name for i, name in enumerate(dialect.names) if _is_decimal_comma([row[i] for row in rows if row[i].strip()])
    }
    if not found:
        return dialect
    note = f"decimal commas read as points in {', '.join(sorted(found))}"
    return replace(dialect, decimal_comma=frozenset(found), notes=(*dialect.notes, note))


def _is_decimal_comma(cells: list[str]) -> bool:
    if not cells:
        return False
    array = pa.array(cells)
    with_comma = pc.match_substring_regex(array, DECIMAL_COMMA)
    plain = pc.match_substring_regex(array, PLAIN_NUMBER)
    return bool(pc.any(with_comma).as_py()) and bool(pc.all(pc.or_(with_comma, plain)).as_py())


@dataclass
class _Lines:
    """Gives each row the line it begins on, quoted line breaks and broken rows counted."""

    next_ordinal: int = 2
    """Number of the next record, the header being 1."""
    next_line: int = 2
    bad: list[tuple[int, str, str]] = field(default_factory=list)
    """Number, text and reason of broken rows that were parsed but not yet passed."""
    skipped: int = 0
    """Lines before the header, which pyarrow counts."""

    def broken(self, row: arrow_csv.InvalidRow) -> str:
        """Note a row with too many or too few cells; pyarrow's handler."""
        reason = f"has {row.actual_columns} cells where the header has {row.expected_columns}"
        self.bad.append((row.number - self.skipped, row.text, reason))
        return "skip"

    def number(self, newlines: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[Broken, ...]]:
        """Return rows and lines (n,) of the next valid records, which hold so many line breaks, and the broken ones between."""
        n = len(newlines)
        window = np.arange(self.next_ordinal, self.next_ordinal + n + len(self.bad))
        numbers = {number for number, _, _ in self.bad}
        valid = window[~np.isin(window, list(numbers))][:n]
        end = int(valid[-1]) + 1 if n else self.next_ordinal
        # Broken rows that follow at once; the parser may have told of later ones already.
        while end in numbers:
            end += 1
        passed = [one for one in self.bad if one[0] < end]
        self.bad = [one for one in self.bad if one[0] >= end]
        height = np.ones(end - self.next_ordinal, dtype=np.int64)
        height[valid - self.next_ordinal] += newlines
        for number, text, _ in passed:
            height[number - self.next_ordinal] += text.strip("\r\n").count("\n")
        starts = self.next_line + np.concatenate([[0], np.cumsum(height)])
        lines = starts[valid - self.next_ordinal]
        rows = valid - 1
        broken = tuple(
            Broken(int(starts[number - self.next_ordinal]), "", text.strip("\r\n"), why, number - 1)
            for number, text, why in passed
        )
        self.next_ordinal, self.next_line = end, int(starts[-1])
        return rows, lines, broken


def parts(dialect: Dialect, block: int = BLOCK) -> Iterator[Part]:
    """Read the file in order, some rows at a time.

    Raises:
        DataError: It is no table, or a quote is never closed.
    """
    done = 0
    while True:
        try:
            for part in _parts(dialect, block):
                fresh = part if done == 0 else _after(part, done)
                if len(fresh.rows) or fresh.broken:
                    yield fresh
                done = max([done, *part.lines[-1:].tolist(), *(one.line for one in part.broken)])
        except pa.ArrowInvalid as error:
            size = dialect.file.path.stat().st_size
            if "straddl" not in str(error) or block > 2 * size:
                if done == 0 and _only_header(dialect):
                    return
                raise DataError(f"{dialect.file.path.name} cannot be read as a table: {error}") from None
            block *= 8
        else:
            return


def _only_header(dialect: Dialect) -> bool:
    """Tell whether nothing follows the header, not even a line break, which pyarrow takes for a torn block."""
    with _long_cells(), _at_header(dialect.file.path, dialect.file.encoding, dialect.comments) as opened:
        rows = csv.reader(opened, delimiter=dialect.delimiter)
        return sum(1 for _ in islice(rows, 2)) == 1


def _after(part: Part, line: int) -> Part:
    """Return what begins after ``line``, where a file is read again in larger blocks."""
    keep = np.flatnonzero(part.lines > line)
    columns = {name: cells.take(keep) for name, cells in part.columns.items()}
    return Part(columns, part.rows[keep], part.lines[keep], tuple(one for one in part.broken if one.line > line))


def _parts(dialect: Dialect, block: int) -> Iterator[Part]:
    skipped = dialect.comments
    lines = _Lines(next_line=2 + skipped + sum(name.count("\n") for name in dialect.names), skipped=skipped)
    reader = _reader(dialect, block, lines)
    last: tuple[int, bool] | None = None
    for batch in reader:
        newlines = np.zeros(batch.num_rows, dtype=np.int64)
        for array in batch.columns:
            newlines += np.asarray(pc.count_substring(array, "\n"))
        rows, starts, broken = lines.number(newlines)
        if batch.num_rows:
            last = int(starts[-1]), bool(newlines[-1])
        yield _cleaned(dialect, batch, rows, starts, broken)
    if dialect.file.odd_quotes and last is not None and last[1]:
        raise DataError(
            f"{dialect.file.path.name} line {last[0]}: a double quote is opened in this row and never closed, so the rest of the file "
            "was taken as one cell; close it, or double a quote that belongs to the text"
        )
    if lines.bad:
        yield Part(
            {name: TextColumn(pa.array([], pa.large_string())) for name in dialect.names},
            *lines.number(np.zeros(0, dtype=np.int64)),
        )


def _reader(dialect: Dialect, block: int, lines: _Lines) -> arrow_csv.CSVStreamingReader:
    encoding = "utf8" if dialect.file.encoding in {"utf-8", "utf-8-sig"} else dialect.file.encoding
    names = list(dialect.names)
    return arrow_csv.open_csv(
        dialect.file.path,
        # One thread: only so are the numbers of broken rows known.
        read_options=arrow_csv.ReadOptions(
            use_threads=False,
            block_size=block,
            column_names=names,
            skip_rows=dialect.comments,
            skip_rows_after_names=1,
            encoding=encoding,
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=dialect.delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=lines.broken,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()),
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        ),
    )


def _cleaned(
    dialect: Dialect, batch: pa.RecordBatch, rows: np.ndarray, lines: np.ndarray, broken: tuple[Broken, ...]
) -> Part:
    """Leave out blank lines, and rows with a cell that is too long; read decimal commas."""
    arrays = dict(zip(dialect.names, batch.columns, strict=True))
    width = np.zeros(batch.num_rows, dtype=np.int64)
    too_long: list[Broken] = []
    for name, array in arrays.items():
        size = np.asarray(pc.binary_length(array))
        too_long += [
            Broken(
                int(lines[i]),
                name,
                array[int(i)].as_py()[:80],
                f"cell of {size[i]:,} bytes; at most {MAX_CELL:,} are read",
                int(rows[i]),
            )
            for i in np.flatnonzero(size > MAX_CELL)
        ]
        width = np.maximum(width, size)
    keep = np.flatnonzero((width > 0) & (width <= MAX_CELL))
    if len(keep) < len(rows):
        arrays = {name: array.take(pa.array(keep)) for name, array in arrays.items()}
        rows, lines = rows[keep], lines[keep]
    for name in dialect.decimal_comma:
        matches = pc.match_substring_regex(arrays[name], DECIMAL_COMMA)
        arrays[name] = pc.if_else(matches, pc.replace_substring(arrays[name], ",", "."), arrays[name])
    columns = {name: TextColumn(array) for name, array in arrays.items()}
    return Part(columns, rows, lines, (*broken, *too_long))
