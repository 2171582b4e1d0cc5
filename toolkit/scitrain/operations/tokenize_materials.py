"""Show what a model sees of a molecule or a formula."""

from typing import ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from scitrain.contracts.operation import Query, Result, Skill
from scitrain.spec import Spec
from scitrain.workspace import Workspace

__all__ = ["TokenizeMaterials", "TokenizeResult", "Tokenized"]

LINE = 100
"""Characters of a text, and of its tokens, that a line of the summary shows."""


class Tokenized(Spec):
    """One text."""

    row: int
    """Number of the text, from 1; of a file, its line."""
    text: str
    tokens: list[str]
    ids: list[int]
    """With the two that frame a row."""
    unknown: list[str]
    """Pieces that no token stands for."""
    error: str | None
    """What is wrong with it; null where it is a molecule or a formula."""
    forms: dict[str, JsonValue]
    """Conversions: canonical, selfies, inchikey, formula; or canonical, reduced, anonymous, mass_fractions."""

    def words(self) -> str:
        """Return the text in a few lines."""
        lines = [f"{self.row}. {_cut(self.text)}: " + (self.error or f"{len(self.tokens)} tokens")]
        lines += [f"   {_cut(' '.join(self.tokens))}"] if self.tokens else []
        lines += [f"   unknown: {_cut(' '.join(self.unknown))}"] if self.unknown else []
        return "\n".join([*lines, *(f"   {name}: {_form(value)}" for name, value in self.forms.items())])


class TokenizeResult(Result):
    """Texts as tokens."""

    notation: str
    """smiles, selfies, composition/amounts or composition/repeated."""
    why: str
    """Why it was taken for that."""
    vocabulary: int
    texts: int
    """Texts looked at."""
    of: int
    """Texts in all."""
    invalid: int
    unknown_pieces: dict[str, int]
    """How often each piece without a token occurs."""
    longest: int
    """Most tokens of a text, those that frame it included."""
    mean_length: float | None
    """Tokens a valid text; null where none is valid."""
    shown: list[Tokenized]
    """The first texts, then the first that are wrong."""
    note: str

    def tables(self) -> dict[str, list[dict[str, JsonValue]]]:
        """Return none: the summary has a line a text."""
        return {}

    def summary(self) -> str:
        """Return the counts, then what was looked at."""
        some = f"the first {self.texts:,} of {self.of:,} texts" if self.texts < self.of else f"{self.texts:,} texts"
        mean = "" if self.mean_length is None else f", {self.mean_length:.1f} tokens on average, {self.longest} at most"
        unknown = ", ".join(f"{piece!r} × {times}" for piece, times in list(self.unknown_pieces.items())[:8])
        return "\n".join(
            [
                f"{self.notation} ({self.why}), a vocabulary of {self.vocabulary:,}",
                f"{some}: {self.invalid:,} not valid{mean}; unknown pieces: {unknown or 'none'}",
                *(one.words() for one in self.shown),
                *([self.note] if self.note else []),
            ]
        )


def _cut(text: str) -> str:
    return text if len(text) <= LINE else text[: LINE - 1] + "…"


def _form(value: JsonValue) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {share:.4f}" for name, share in value.items())
    return _cut(str(value))


class TokenizeMaterials(Query):
    """Show molecules (SMILES, SELFIES) or formulas as tokens: ids, what is unknown, what is wrong, and conversions.

    Give `inputs`, or `data` with a column. SMILES ↔ SELFIES, canonical, InChIKey; formula → reduced, anonymous, mass fractions.
    """

    skill: ClassVar[Skill] = "materials-transformers"
    title: ClassVar[str] = "Tokenize materials"
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset({"encoding", "limit"})

    inputs: list[str] = Field(default=[], max_length=1000)
    """Texts."""
    data: str | None = None
    """Table with such texts."""
    column: str | None = None
    """Its column; left out: the one that holds molecules or formulas."""
    notation: Literal["auto", "smiles", "selfies", "formula"] = "auto"
    """What the texts are."""
    encoding: Literal["amounts", "repeated"] = "amounts"
    """Formulas: element and amount, or a token an atom."""
    limit: int = Field(10, ge=1, le=100)
    """Texts shown."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.inputs) == (self.data is not None):
            given = "both were given" if self.inputs else "neither was given"
            raise ValueError(f"give inputs=['CCO', …] or data='FILE'; {given}")
        if self.column is not None and self.data is None:
            raise ValueError(f"column={self.column!r} names a column of data, and no data are given")
        return self

    def execute(self, workspace: Workspace) -> TokenizeResult:
        """Read, cut into tokens, check and convert."""
        from scitrain.workflow.tokenised import chosen, tokenised

        texts, lines, notation, why = chosen(self.inputs, self.data, self.column, self.notation, workspace)
        return TokenizeResult.model_validate(
            {**tokenised(texts, lines, notation, self.encoding, self.limit), "why": why}
        )
