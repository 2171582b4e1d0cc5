"""Rows as the tokens that a pretrained network was made with."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.modality import Columns, Featuriser, Ticker
from scitrain.contracts.model import InputKind, InputShape
from scitrain.modalities._chunks import featurise_in_chunks, featurise_in_processes

if TYPE_CHECKING:
    import numpy as np

__all__ = ["PretrainedSequence", "PretrainedSmiles", "PretrainedText", "PretrainedTokens", "pretrained_tokens"]

ROWS = 2048
SPARE = 1.25
"""Length beyond the longest row, for rows to come; padding costs memory alone."""


class PretrainedTokens(Featuriser):
    """x = ids of a pretrained network's own tokenizer + 1; 0 pads."""

    output: ClassVar[InputKind] = "tokens"
    reads: ClassVar[str]
    reader: ClassVar[str]
    """File that reads a cell, below the package."""

    columns: tuple[str, ...]
    """Columns, joined."""
    tokenizer: str
    """JSON of the tokenizer."""
    vocabulary: int
    """Number of ids, padding included."""
    length: int = Field(ge=1)
    """Most tokens a row; what is longer is cut."""
    longer: tuple[int, int] = (0, 0)
    """Rows that were cut when it was made, and rows in all."""

    def module(self) -> Path:
        """Return the file that tokenises."""
        return Path(__file__).with_name("_pretrained_tokens.py")

    def data_files(self) -> tuple[Path, ...]:
        """Return the file that reads cells."""
        return (Path(__file__).parents[1] / self.reader,)

    def options(self) -> dict[str, object]:
        """Return columns, tokenizer and length."""
        return self.model_dump(mode="json", exclude={"kind", "vocabulary", "longer"}) | {"reads": self.reads}

    def shape(self) -> InputShape:
        """Return a row of token ids."""
        return InputShape("tokens", (self.length,), vocabulary=self.vocabulary)

    def reason(self) -> str:
        """Return what cuts rows into tokens, and how many are cut off."""
        cut, rows = self.longer
        told = f"the pretrained network's own tokenizer of {self.vocabulary - 1:,} pieces; "
        if not cut:
            return f"{told}all {rows:,} rows fit {self.length} tokens"
        return f"{told}{cut:,} of {rows:,} rows are longer than the {self.length} tokens it reads, and are cut: what follows is not seen"


class PretrainedText(PretrainedTokens):
    """Texts."""

    reads: ClassVar[str] = "text"
    reader: ClassVar[str] = "modalities/_text_tokens.py"
    requirements: ClassVar[tuple[str, ...]] = ("tokenizers",)

    kind: Literal["pretrained_text"] = "pretrained_text"

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return int64 (n, length)."""
        from scitrain.modalities._pretrained_tokens import featurise

        used = {name: columns[name] for name in self.columns}
        return featurise_in_chunks(featurise, used, self.options(), ROWS, tick)


class PretrainedSmiles(PretrainedTokens):
    """Canonical SMILES."""

    reads: ClassVar[str] = "smiles"
    reader: ClassVar[str] = "chem/molecule_features.py"
    requirements: ClassVar[tuple[str, ...]] = ("tokenizers", "rdkit")

    kind: Literal["pretrained_smiles"] = "pretrained_smiles"

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return int64 (n, length)."""
        from scitrain.modalities._pretrained_tokens import featurise

        used = {name: columns[name] for name in self.columns}
        return featurise_in_processes(featurise, used, self.options(), ROWS, tick)


class PretrainedSequence(PretrainedTokens):
    """Proteins, DNA or RNA, a letter a token."""

    reads: ClassVar[str] = "sequence"
    reader: ClassVar[str] = "modalities/_sequence_features.py"
    requirements: ClassVar[tuple[str, ...]] = ("tokenizers",)

    kind: Literal["pretrained_sequence"] = "pretrained_sequence"
    alphabet: Literal["protein", "dna", "rna"] = "protein"
    """What the sequences are written in."""

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return int64 (n, length)."""
        from scitrain.modalities._pretrained_tokens import featurise

        used = {name: columns[name] for name in self.columns}
        return featurise_in_chunks(featurise, used, self.options(), ROWS, tick)


KINDS: dict[str, type[PretrainedTokens]] = {
    "text": PretrainedText,
    "smiles": PretrainedSmiles,
    "sequence": PretrainedSequence,
}


def pretrained_tokens(
    modality: str, columns: Columns, tokenizer: str, vocabulary: int, most: int, alphabet: str | None = None
) -> PretrainedTokens | None:
    """Return the featuriser of a modality, long enough for ``columns`` up to ``most`` tokens; None where it has no tokens of this kind.

    Args:
        modality: Name of the modality.
        columns: All rows: how long they are tells a network nothing about their labels.
        tokenizer: JSON of the tokenizer.
        vocabulary: Its number of ids.
        most: Tokens that the network can place.
        alphabet: Of sequences.
    """
    if modality not in KINDS:
        return None
    import math

    from scitrain.modalities._pretrained_tokens import lengths

    more: dict[str, object] = {} if alphabet is None else {"alphabet": alphabet}
    made = {"columns": tuple(columns), "tokenizer": tokenizer, "vocabulary": vocabulary + 1, "length": most, **more}
    draft = KINDS[modality].model_validate(made)
    counts = lengths(columns, draft.options())
    length = min(most, math.ceil(SPARE * int(counts.max(initial=1)) / 8) * 8)
    cut = int((counts > length).sum())
    return draft.model_copy(update={"length": length, "longer": (cut, len(counts))})
