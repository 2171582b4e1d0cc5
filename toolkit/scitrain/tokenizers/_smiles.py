"""SMILES as tokens."""

from functools import cache

from transformers import PreTrainedTokenizerFast

from scitrain.chem.formula_features import element_properties
from scitrain.tokenizers._build import build

__all__ = ["AROMATIC", "CHIRAL", "PRINTABLE", "WHOLE", "elements", "smiles", "tokens"]

WHOLE = (
    "nH C@H C@@H C@ C@@ N+ O- n+ S+ N- S- NH+ NH2+ NH3+ NH- nH+ n- C- CH- C+ CH+ CH2- c- cH- s+ o+ O+ P+ B- BH- I+ Cl+ "
    "S@ S@@ S@+ S@@+ P@ P@@ N@+ N@@+ N@H+ N@@H+ P@H P@@H Si SiH SiH2 Si@ Si@@ Se se SeH As Te B CH CH2 C H 2H 3H 11C 11CH3 "
    "13C 13CH 13CH2 13CH3 14C 14CH2 14CH3 15N 15NH 15n 18F 18O 123I 124I 125I 131I 35S 32P 76Br "
    "H+ Na+ K+ Li+ F- Cl- Br- I- OH- NH4+ Ca+2 Mg+2 Zn+2 Fe+2 Fe+3 Cu+ Cu+2 Co+2 Co+3 Ni+2 Mn+2 Al+3 Ag+ Ba+2 Bi+3 Pt Pt+2 Pd "
    "Fe Ru Rh Sn Hg"
).split()
"""Bracket atoms of drugs, labelled compounds and salts that are one token."""
PRINTABLE = "".join(map(chr, range(32, 127)))
CHIRAL = ("@@", "@TH", "@AL", "@SP", "@TB", "@OH")
AROMATIC = ("se", "as", "te", "si")
BONDS = ("->", "<-")
# Where an element of a bracket atom begins: behind the bracket and an isotope of up to three digits. Outside brackets
# `Sc` is a sulfur at an aromatic carbon, not scandium.
INSIDE = r"(?<=\[|\[\d|\[\d\d|\[\d\d\d)"


def smiles(generative: bool = False) -> PreTrainedTokenizerFast:
    """Return the tokenizer of SMILES: one fixed vocabulary, every printable string comes back as it was.

    A bracket atom of `WHOLE` is one token, so that such an atom is one place of the sequence, as a carbon is. All others
    are cut into bracket, isotope, element, chirality, hydrogens and charge (``[`` ``6`` ``8`` ``Ga`` ``+`` ``3`` ``]``):
    whole they would be an open vocabulary, and half of those met later unknown. ``Cl`` and ``Br``, ``@@``, ring closures
    ``%10`` … ``%99`` and the dative bonds are one token each. What is not printable ASCII is [UNK].
    """
    return build(tokens(), _pattern(), {"notation": "smiles"}, generative)


@cache
def tokens() -> tuple[str, ...]:
    """Return what stands for a piece, in the order of the ids."""
    closures = [f"%{number}" for number in range(10, 100)]
    whole = [f"[{inside}]" for inside in WHOLE]
    return (*PRINTABLE, *CHIRAL, *BONDS, "Cl", "Br", *AROMATIC, *closures, *elements(), *whole)


def elements() -> tuple[str, ...]:
    """Return the symbols of two letters."""
    return tuple(symbol for symbol in element_properties()[1] if len(symbol) == 2)


@cache
def _pattern() -> str:
    """Return the branches, the commonest first; each is tried at each place of each text."""
    whole = "|".join(inside.replace("+", r"\+") for inside in sorted(WHOLE, key=len, reverse=True))
    return "|".join(
        [
            r"\[(?:" + whole + r")\]",
            INSIDE + "(?:" + "|".join([*elements(), *AROMATIC]) + ")",
            "Cl|Br",
            r"@(?:@|TH|AL|SP|TB|OH)",
            r"%[1-9]\d",
            "->|<-",
            r"[\s\S]",
        ]
    )
