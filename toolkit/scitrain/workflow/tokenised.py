"""Texts of molecules or formulas, looked at one by one: tokens, unknown pieces, mistakes, conversions."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from scitrain.errors import DataError, ScitrainError, UnknownNameError, listed
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["Notation", "chosen", "notation_of", "tokenised"]

Notation = Literal["smiles", "selfies", "formula"]
LOOKED = 2_000
"""Texts that are checked, so that the answer comes at once."""
LONGEST = 5_000
"""Characters of a text that are cut into tokens; a longer one is refused unread."""
SAMPLE = 1_000


class Chosen(NamedTuple):
    """The texts and what they are."""

    texts: Sequence[str]
    lines: Sequence[int]
    notation: Notation
    why: str


def chosen(inputs: Sequence[str], data: str | None, column: str | None, asked: str, workspace: Workspace) -> Chosen:
    """Return the texts that are meant, where each stands, in which notation they are, and why it was taken for that.

    Raises:
        ScitrainError: There are no such data or column, or no column holds molecules or formulas.
    """
    if data is None:
        notation, why = _named(asked) or _recognised("input", inputs)
        return Chosen(inputs, range(1, len(inputs) + 1), notation, why)
    from scitrain.data.read import read

    source = read(data, workspace)
    if column is not None and column not in source.columns:
        raise UnknownNameError(f"column of {source.name}", column, list(source.columns))
    name = column or _column(source.columns, asked)
    texts = source.columns[name]
    notation, why = _named(asked) or _recognised(name, texts)
    return Chosen(texts, [int(line) for line in source.lines], notation, f"column {name}: {why}")


def notation_of(columns: Mapping[str, Sequence[str]]) -> tuple[str, Notation]:
    """Return the column that holds molecules or formulas, and which of them; of a single column, which.

    Raises:
        DataError: None does; names the columns.
    """
    name = next(iter(columns)) if len(columns) == 1 else _column(columns, "auto")
    return name, _recognised(name, columns[name])[0]


def _named(asked: str) -> tuple[Notation, str] | None:
    return None if asked == "auto" else (asked, "as asked")  # type: ignore[return-value]  # a literal of the request


def _column(columns: Mapping[str, Sequence[str]], asked: str) -> str:
    """Return the column that holds molecules or formulas.

    Raises:
        DataError: None does; names the columns.
    """
    sample = {name: list(values[:SAMPLE]) for name, values in columns.items()}
    notations: Sequence[str] = ("smiles", "formula", "selfies") if asked == "auto" else (asked,)
    found = {name: max(_confidence(name, values, one) for one in notations) for name, values in sample.items()}
    best = max(found, key=found.__getitem__)
    if found[best] < 0.5:
        raise DataError(f"no column of {listed(found)} holds molecules or formulas; name it as column='NAME'")
    return best


def _recognised(name: str, texts: Sequence[str]) -> tuple[Notation, str]:
    """Return the notation that most of the texts can be read in; where two can read as many, the likelier one."""
    sample = [text for text in texts[:SAMPLE] if text.strip()]
    order: tuple[Notation, ...] = ("selfies", "formula", "smiles")
    shares = {one: _readable(one, sample) for one in order}
    best = max(shares.values())
    able = [one for one in order if shares[one] == best]
    if best == 0:
        return "smiles", "nothing was readable as a formula, SELFIES or SMILES"
    if len(able) > 1:
        # CO or CCO can be read as both: what looks like a structure is one
        sure = {one: _confidence(name, sample, one) for one in able}
        able = sorted(able, key=lambda one: (-sure[one], one != "smiles"))
    return able[0], f"{best:.0%} of the texts are readable so"


def _confidence(name: str, values: Sequence[str], notation: str) -> float:
    from scitrain.modalities import MODALITIES

    if notation == "selfies":
        return 0.99 * _readable("selfies", [value for value in values if value.strip()])
    found = MODALITIES[notation].recognise({name: list(values)})
    return found.confidence if found else 0.0


def _readable(notation: Notation, texts: Sequence[str]) -> float:
    read = CHECKS[notation]
    return sum(_error(read, text) is None for text in texts[:200]) / max(1, len(texts[:200]))


def _error(read: Callable[[str], None], text: str) -> str | None:
    try:
        read(text)
    except ScitrainError as error:
        return str(error)
    return None


def tokenised(
    texts: Sequence[str], lines: Sequence[int], notation: Notation, encoding: Literal["amounts", "repeated"], limit: int
) -> dict[str, Any]:
    """Return the fields of the operation's result, but for ``why``."""
    from scitrain.tokenizers import composition, selfies, smiles
    from scitrain.tokenizers import notation as told

    looked = [str(text).strip() for text in texts[:LOOKED]]
    molecules = selfies(_symbols(looked)) if notation == "selfies" else smiles()
    tokenizer = composition(encoding) if notation == "formula" else molecules
    found = [
        _one(tokenizer, (notation, encoding), line, text) for line, text in zip(lines[:LOOKED], looked, strict=True)
    ]
    wrong = [one for one in found if one["error"]]
    lengths = [len(one["ids"]) for one in found if not one["error"]]
    shown = found[:limit] + [one for one in wrong if one not in found[:limit]][:limit]
    return {
        "notation": str(told(tokenizer)),
        "vocabulary": len(tokenizer),
        "texts": len(looked),
        "of": len(texts),
        "invalid": len(wrong),
        "unknown_pieces": dict(Counter(piece for one in found for piece in one["unknown"]).most_common(50)),
        "longest": max(lengths, default=0),
        "mean_length": sum(lengths) / len(lengths) if lengths else None,
        "shown": [{**one, "forms": {} if one["error"] else FORMS[notation](one["text"])} for one in shown],
        "note": f"only the first {LOOKED:,} were looked at" if len(texts) > LOOKED else "",
    }


def _one(
    tokenizer: "PreTrainedTokenizerFast", way: tuple[Notation, Literal["amounts", "repeated"]], row: int, text: str
) -> dict[str, Any]:
    """Return one text as tokens, with what is unknown or wrong."""
    from scitrain.tokenizers import spell, unknowns

    notation, encoding = way
    spelled = text
    error = _error(CHECKS[notation], text)
    if error is None and notation == "formula" and encoding == "repeated":
        try:
            spelled = spell(text, encoding)
        except ScitrainError as problem:
            error = str(problem)
    read = spelled if len(spelled) <= LONGEST else ""
    ids: list[int] = tokenizer(read)["input_ids"] if read else []
    return {
        "row": row,
        "text": text if len(text) <= LONGEST else text[:60] + "…",
        "tokens": tokenizer.convert_ids_to_tokens(ids[1:-1]),
        "ids": ids,
        "unknown": [one.text for one in unknowns(tokenizer, read)],
        "error": error,
    }


def _symbols(texts: Sequence[str]) -> set[str]:
    """Return the symbols of those texts that are SELFIES."""
    from scitrain.chem.selfies_spelling import alphabet

    return set(alphabet(text for text in texts if _error(_check_selfies, text) is None))


def _check_smiles(text: str) -> None:
    from scitrain.chem.molecules import check

    check(text)


def _check_selfies(text: str) -> None:
    from scitrain.chem.selfies_spelling import SelfiesError, from_selfies, symbols

    if not text:
        raise SelfiesError("empty; expected SELFIES such as [C][C][O]")
    if len(text) > LONGEST:
        raise SelfiesError(f"{len(text):,} characters; SELFIES of at most {LONGEST:,} are read")
    symbols(text)
    if not from_selfies(text):
        raise SelfiesError(f"{text[:60]!r} holds no atom; expected SELFIES such as [C][C][O]")


def _check_formula(text: str) -> None:
    from scitrain.chem.formulas import parse

    parse(text)


def _of_smiles(text: str) -> dict[str, Any]:
    from scitrain.chem.molecules import forms
    from scitrain.chem.selfies_spelling import SelfiesError, to_selfies

    found: dict[str, Any] = forms(text)
    try:
        return {**found, "selfies": to_selfies(found["canonical"])}
    except SelfiesError as error:
        return {**found, "selfies": f"none: {error}"}


def _of_selfies(text: str) -> dict[str, Any]:
    from scitrain.chem.molecules import forms
    from scitrain.chem.selfies_spelling import from_selfies

    smiles = from_selfies(text)
    return {"smiles": smiles, **forms(smiles)}


def _of_formula(text: str) -> dict[str, Any]:
    from scitrain.chem.formulas import anonymous, canonical, mass_fractions, reduced

    return {
        "canonical": canonical(text),
        "reduced": reduced(text),
        "anonymous": anonymous(text),
        "mass_fractions": mass_fractions(text),
    }


CHECKS: Mapping[Notation, Callable[[str], None]] = {
    "smiles": _check_smiles,
    "selfies": _check_selfies,
    "formula": _check_formula,
}
"""What refuses a text that is none of its notation."""
FORMS: Mapping[Notation, Callable[[str], dict[str, Any]]] = {
    "smiles": _of_smiles,
    "selfies": _of_selfies,
    "formula": _of_formula,
}
"""What converts a text that is one."""
