"""SELFIES: molecules in a notation of which every string is one.

Krenn et al. 2020, doi:10.1088/2632-2153/aba947; its library's own default constraints on valences.
"""

from collections.abc import Iterable
from functools import cache

import selfies

from scitrain.errors import DataError

__all__ = ["SelfiesError", "alphabet", "check", "common", "from_selfies", "symbols", "to_selfies"]

FURTHER = r"""
. [NH1] [NH1-1] [NH1+1] [NH2+1] [NH3+1] [=NH1+1] [=NH2+1] [=N-1] [CH1] [CH1-1] [CH2-1] [OH1-1] [PH1] [SH1] [BH1-1]
[BH3-1] [C@] [C@@] [C@H1] [C@@H1] [S@] [S@@] [S@+1] [S@@+1] [=S@] [=S@@] [=S@@+1] [=S@+1] [P@] [P@@] [=P@] [=P@@]
[=P@H1] [=P@@H1] [N@+1] [N@@+1] [N@H1+1] [N@@H1+1] [/C] [\C] [/N] [\N] [/O] [\O] [/S] [\S] [/F] [\F] [/Cl] [\Cl] [/Br]
[\Br] [/I] [\I] [/NH1] [\NH1] [/N+1] [\N+1] [/C@H1] [/C@@H1] [\C@H1] [\C@@H1] [/C@] [/C@@] [\C@] [\C@@] [/O-1] [\O-1]
[-/Ring1] [-\Ring1] [\/Ring1] [-/Ring2] [-\Ring2] [\/Ring2] [#Ring1] [#Ring2] [Si] [=Si] [SiH1] [SiH2] [Se] [=Se]
[SeH1] [As] [=As] [Te] [2H] [3H] [13C] [=13C] [13CH1] [13CH2] [13CH3] [15N] [15NH1] [18F] [125I] [Na+1] [K+1] [Li+1]
[Cl-1] [Br-1] [I-1] [F-1] [H+1] [NH4+1] [Ca+2] [Mg+2] [Zn+2]
""".split()
"""Hydrogens, stereo, isotopes and salts beyond the symbols that SELFIES' own robust alphabet has."""


class SelfiesError(DataError):
    """A text cannot be written as SELFIES, or is none."""


def to_selfies(smiles: str) -> str:
    """Return a molecule as SELFIES.

    Raises:
        SelfiesError: It has what SELFIES has no symbols for, such as an open end ``*`` or more bonds than its valences allow.
    """
    try:
        return str(selfies.encoder(smiles))
    except selfies.EncoderError as error:
        why = str(error).strip().splitlines()[0].strip()
        raise SelfiesError(
            f"{_shown(smiles)} cannot be written as SELFIES: {why}; SMILES takes every molecule"
        ) from error


def from_selfies(text: str) -> str:
    """Return the SMILES of SELFIES, as its decoder writes it (not canonical); empty where no atom is left.

    Raises:
        SelfiesError: A symbol is none.
    """
    try:
        return str(selfies.decoder(text))
    except (selfies.DecoderError, ValueError) as error:
        why = str(error).strip().splitlines()[0].strip()
        raise SelfiesError(
            f"{_shown(text)} is no SELFIES: {why}; expected symbols in brackets such as [C][=O]"
        ) from error


def symbols(text: str) -> list[str]:
    """Return the symbols of SELFIES in order.

    Raises:
        SelfiesError: Something stands outside brackets, or one is not closed.
    """
    found: list[str] = []
    try:
        found.extend(selfies.split_selfies(text))
    except ValueError as error:
        raise SelfiesError(f"{_shown(text)} is no SELFIES: {error}") from error
    if "".join(found) != text:
        raise SelfiesError(
            f"{_shown(text)} is no SELFIES: something stands outside brackets; expected symbols such as [C][=O]"
        )
    return found


def alphabet(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the symbols that occur in some SELFIES, sorted.

    Raises:
        SelfiesError: One of the texts is none.
    """
    return tuple(sorted({symbol for text in texts for symbol in symbols(text)}))


def check(wanted: Iterable[str]) -> None:
    """Refuse symbols that the decoder cannot read.

    Raises:
        SelfiesError: Names them.
    """
    wrong = [symbol for symbol in wanted if not _reads(symbol)]
    if wrong:
        raise SelfiesError(f"no symbols of SELFIES: {', '.join(wrong[:10])}; expected such as [C], [=O] or [Branch1]")


@cache
def common() -> tuple[str, ...]:
    """Return the symbols that every vocabulary here begins with: SELFIES' robust alphabet, hydrogens, stereo, isotopes, salts."""
    return tuple(dict.fromkeys([*sorted(selfies.get_semantic_robust_alphabet()), *FURTHER]))


def _reads(symbol: str) -> bool:
    # behind an atom, for a lone ring or branch is dropped unread
    try:
        selfies.decoder(f"[C]{symbol}[C]")
    except (selfies.DecoderError, ValueError):
        return False
    return symbol.startswith("[") and symbol.endswith("]") and symbol != "[nop]"


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:57]!r}…"
