"""SDF files: a SMILES and the data items of each record."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase

from scitrain.data.columns import text_column
from scitrain.data.delimited import Part
from scitrain.data.source import Broken
from scitrain.data.textfile import inspect_text

__all__ = ["sdf_parts"]

BATCH = 4096
ITEM = re.compile(r"^>.*?<([^>]*)>[^\n]*\n(.*?)(?:\n\s*\n|\n?\Z)", re.MULTILINE | re.DOTALL)


def sdf_parts(path: Path) -> Iterator[Part]:
    """Read the records in order; a structure that RDKit refuses is a broken row with RDKit's reason.

    Raises:
        DataError: The file is empty or binary.
    """
    encoding = inspect_text(path).encoding
    names: list[str] | None = None
    waiting: list[tuple[int, str]] = []
    with path.open(encoding=encoding) as file:
        for number, block in enumerate(_blocks(file), 1):
            waiting.append((number, block))
            if len(waiting) == BATCH:
                names = names or _names(waiting)
                yield _part(waiting, names)
                waiting = []
    if waiting:
        yield _part(waiting, names or _names(waiting))


def _blocks(file: Iterator[str]) -> Iterator[str]:
    lines: list[str] = []
    for line in file:
        if line.startswith("$$$$"):
            yield "".join(lines)
            lines = []
        else:
            lines.append(line)
    if "".join(lines).strip():
        yield "".join(lines)


def _names(blocks: list[tuple[int, str]]) -> list[str]:
    found = dict.fromkeys(name for _, block in blocks for name, _ in ITEM.findall(block))
    return ["smiles", "name", *(name for name in found if name not in {"smiles", "name"})]


def _part(blocks: list[tuple[int, str]], names: list[str]) -> Part:
    records, numbers, broken = [], [], []
    for number, block in blocks:
        smiles, reason = _smiles(block)
        if reason:
            broken.append(Broken(number, "", block.split("\n", 1)[0].strip(), reason, number))
            continue
        items = {name: value.strip() for name, value in ITEM.findall(block)}
        records.append(items | {"smiles": smiles, "name": block.split("\n", 1)[0].strip()})
        numbers.append(number)
    columns = {name: text_column([record.get(name, "") for record in records]) for name in names}
    rows = np.array(numbers, dtype=np.int64)
    return Part(columns, rows, rows, tuple(broken))


def _smiles(block: str) -> tuple[str, str]:
    """Return the SMILES, or what is wrong."""
    with rdBase.BlockLogs():
        structure = block.split("M  END", 1)[0] + "M  END\n" if "M  END" in block else block
        molecule = Chem.MolFromMolBlock(structure, sanitize=False)
        if molecule is None:
            return "", "is no MOL block that RDKit can read"
        problems = Chem.DetectChemistryProblems(molecule)
        if problems:
            return "", problems[0].Message()
        Chem.SanitizeMol(molecule)
        return Chem.MolToSmiles(molecule), ""
