"""Look at a text file before it is parsed: content hash, encoding, damage."""

import codecs
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from scitrain.errors import DataError

__all__ = ["TextFile", "inspect_text", "what_else"]

CHUNK = 1 << 20
TORN = 5
"""Letters of several bytes that are whole, for each byte that is not, from which a file is UTF-8 that was damaged."""
MAGIC = {
    b"PK\x03\x04": "a zip archive or Excel workbook; save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
    b"\x1f\x8b": "gzip-compressed; decompress it first",
    b"BZh": "bzip2-compressed; decompress it first",
    b"\xfd7zXZ": "xz-compressed; decompress it first",
    b"\x28\xb5\x2f\xfd": "zstd-compressed; decompress it first",
    b"\x80\x04": "a pickle, which could run anything and is not opened; save the table as CSV or Parquet",
    b"\x80\x05": "a pickle, which could run anything and is not opened; save the table as CSV or Parquet",
    b"\x93NUMPY": "a NumPy array; save it as CSV with a header",
    b"PAR1": "a Parquet file; give it the ending .parquet",
    b"%PDF": "a PDF; extract the table as CSV",
    b"\x89PNG": "an image; give the folder that holds the images",
    b"\xff\xd8\xff": "an image; give the folder that holds the images",
    b"SQLite format 3": "an SQLite database; export the table as CSV",
    b"\x89HDF": "an HDF5 file; export the table as CSV or Parquet",
}
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class TextFile:
    """A text file that can be decoded to its end."""

    path: Path
    fingerprint: str
    """SHA-256 of the bytes."""
    encoding: str
    """Name of a Python codec."""
    odd_quotes: bool
    """The number of double quotes is odd: one may never be closed."""
    note: str | None
    """How the encoding was found, where it is not UTF-8."""


def what_else(path: Path) -> str | None:
    """Return what a file is that is no table of text, by its first bytes, and what to do with it."""
    with path.open("rb") as file:
        return _told(file.read(32))


def _told(head: bytes) -> str | None:
    return next((what for magic, what in MAGIC.items() if head.startswith(magic)), None)


def inspect_text(path: Path) -> TextFile:
    """Read the whole file once, in constant memory.

    Raises:
        DataError: It is empty, binary or damaged; says where and what to do.
    """
    status = path.stat()
    return _inspect(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=32)
def _inspect(path: Path, size: int, modified_ns: int) -> TextFile:
    """Do it once for each state of the file: size and time of the last change are the key."""
    if size == 0:
        raise DataError(f"{path.name} is empty (0 bytes); give a file with a header and at least one row")
    with path.open("rb") as file:
        head = file.read(CHUNK)
    if told := _told(head):
        raise DataError(f"{path.name} is no text: it is {told}")
    wide = _wide_encoding(head)
    digest, odd, bad_byte = _walk(path, zeros_allowed=wide is not None)
    if wide is not None:
        return TextFile(
            path, digest, wide, False, None if wide == "utf-8-sig" else f"encoding {wide}, from its byte-order mark"
        )
    if bad_byte is None:
        return TextFile(path, digest, "utf-8", odd, None)
    _refuse_torn(path, bad_byte)
    encoding = _eight_bit(path)
    return TextFile(
        path,
        digest,
        encoding,
        odd,
        f"not UTF-8 (line {bad_byte}); read as {encoding}: check accented letters and units",
    )


def _wide_encoding(head: bytes) -> str | None:
    for bom, encoding in BOMS:
        if head.startswith(bom):
            return encoding
    even, odd = head[:2000:2].count(0), head[1:2000:2].count(0)
    half = len(head[:2000]) // 2
    if half and odd > 0.6 * half and even == 0:
        return "utf-16-le"
    return "utf-16-be" if half and even > 0.6 * half and odd == 0 else None


def _walk(path: Path, zeros_allowed: bool) -> tuple[str, bool, int | None]:
    """Return the hash, whether quotes are odd, and the line of the first byte that is not UTF-8."""
    digest, quotes, lines, bad_line = hashlib.sha256(), 0, 1, None
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            quotes += chunk.count(b'"')
            if not zeros_allowed and b"\0" in chunk:
                line = lines + chunk[: chunk.index(b"\0")].count(b"\n")
                raise DataError(
                    f"{path.name} line {line} holds a NUL byte: the file is binary or damaged; "
                    "give a text file (CSV, TSV, JSONL, SDF), or export the table anew"
                )
            bad_line = bad_line or _undecodable(decoder, chunk, lines)
            lines += chunk.count(b"\n")
    if bad_line is None and decoder.getstate()[0]:
        bad_line = lines
    return digest.hexdigest(), quotes % 2 == 1, bad_line


def _undecodable(decoder: codecs.IncrementalDecoder, chunk: bytes, lines: int) -> int | None:
    try:
        decoder.decode(chunk)
    except UnicodeDecodeError as error:
        return lines + chunk[: error.start].count(b"\n")
    return None


def _refuse_torn(path: Path, line: int) -> None:
    """Refuse a file of UTF-8 with some broken bytes: read as another encoding, every accented letter in it would be wrong."""
    with path.open("rb") as file:
        read = file.read(CHUNK).decode("utf-8", "replace")
    broken = read.count("\ufffd")
    whole = sum(letter > "\x7f" for letter in read) - broken
    if whole > TORN * max(broken, 1):
        raise DataError(
            f"{path.name} line {line} holds bytes that are no UTF-8, as the rest of the file is: that line is damaged, or came "
            "from another program; mend it, or save the whole table anew as UTF-8"
        )


def _eight_bit(path: Path) -> str:
    """Choose among the encodings that laboratories' spreadsheets write; latin-1 reads any byte."""
    if _decodes(path, "cp932") and _is_japanese(path):
        return "cp932"
    if _decodes(path, "euc_jp") and _share(path, "euc_jp", _is_kana) > 0:
        return "euc_jp"
    return "cp1252" if _decodes(path, "cp1252") else "latin-1"


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding) as file:
            while file.read(CHUNK):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _is_japanese(path: Path) -> bool:
    """Tell Shift-JIS from Western text: accented letters, read so, become rare kanji, private letters and half-width kana."""
    return _share(path, "cp932", _is_kana) > 0 or _share(path, "cp932", _is_common) > 0.5


def _is_kana(letter: str) -> bool:
    return "\u3041" <= letter <= "\u30ff"


def _is_common(letter: str) -> bool:
    """Tell kanji of the first level, and full-width signs: Shift-JIS begins them with a byte that is no Western letter."""
    return "\x81" <= chr(letter.encode("cp932")[0]) <= "\x98"


def _share(path: Path, encoding: str, wanted: Callable[[str], bool]) -> float:
    """Return the share of the letters beyond ASCII that are ``wanted``, 0 where there are none."""
    with path.open(encoding=encoding) as file:
        wide = [letter for letter in file.read(CHUNK) if letter > "\x7f"]
    return sum(map(wanted, wide)) / len(wide) if wide else 0.0
