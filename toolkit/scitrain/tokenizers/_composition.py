"""Chemical formulas as tokens."""

from string import ascii_letters, digits
from typing import Literal

from transformers import PreTrainedTokenizerFast

from scitrain.chem.formula_features import element_properties
from scitrain.chem.formulas import canonical, parse, reduced
from scitrain.errors import DataError
from scitrain.tokenizers._build import build

__all__ = ["Encoding", "composition", "spell"]

Encoding = Literal["amounts", "repeated"]
ISOTOPES = ("D", "T")
MARKS = "0.()[]{}·*/+-^e "
MOST_WHOLE = 99
"""Largest amount that is one token; 99 of 100 amounts in formulas are below it, all others are spelled in digits."""
MOST_ATOMS = 512
"""Most atoms of a formula that is written atom by atom."""
SPELLED = {
    **{chr(0x2080 + digit): str(digit) for digit in range(10)},
    # full-width forms, as Japanese input methods write them: ．, Ｆｅ, （ … ）
    **{chr(0xFEE0 + ord(one)): one for one in ".()[]{}*/+-^" + digits + ascii_letters},
    "﹒": "·",
    "•": "·",
    "⋅": "·",
    "∙": "·",
}


def composition(encoding: Encoding = "amounts", generative: bool = False) -> PreTrainedTokenizerFast:
    """Return the tokenizer of formulas; all elements have the same ids in both encodings, atomic number + 6.

    ``amounts`` reads a formula as it is written: elements, amounts (whole ones to 99 are one token, others one a
    digit), brackets, hydrates, charges; it loses nothing. ``repeated`` knows elements alone and reads what `spell` writes: an atom a token.
    Subscripts and full-width forms come back plain, other dots of hydrates as ``·``.
    """
    elements = element_properties()[1]
    tokens = [*elements, *ISOTOPES]
    if encoding == "amounts":
        tokens += [*map(str, range(1, MOST_WHOLE + 1)), *MARKS]
    two = "|".join(symbol for symbol in elements if len(symbol) == 2)
    pattern = rf"{two}|(?<![\d.])[1-9]\d?(?![\d.])|[\s\S]"
    return build(tokens, pattern, {"notation": f"composition/{encoding}"}, generative, SPELLED)


def spell(formula: str, encoding: Encoding = "amounts") -> str:
    """Return a formula as models read it: ``O3Fe2`` → ``Fe2O3``, or ``FeFeOOO`` where each atom is a token.

    Both are formulas again, of the same amounts. Where amounts are no whole numbers, the smallest whole ratio is
    written atom by atom.

    Raises:
        FormulaError: The formula cannot be read.
        DataError: It has no whole ratio, or too many atoms to be written one by one.
    """
    if encoding == "amounts":
        return canonical(formula)
    amounts = parse(canonical(formula))
    if any(amount % 1 for amount in amounts.values()):
        amounts = parse(reduced(formula))
    atoms = sum(amounts.values())
    if any(amount % 1 for amount in amounts.values()) or atoms > MOST_ATOMS:
        why = "has no small whole ratio" if any(amount % 1 for amount in amounts.values()) else f"is {atoms:g} atoms"
        raise DataError(
            f"formula {formula!r} {why}; encoding 'repeated' writes up to {MOST_ATOMS} atoms one by one, 'amounts' takes every formula"
        )
    return "".join(symbol * int(amount) for symbol, amount in amounts.items())
