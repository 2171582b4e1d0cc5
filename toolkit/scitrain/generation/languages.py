"""Strings as tokens and back: what a language model of molecules or compositions reads, and what a draw ends as."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, NamedTuple

from rdkit import Chem, rdBase
from transformers import PreTrainedTokenizerFast

from scitrain.chem.formulas import FormulaError, reduced
from scitrain.chem.kekule_spelling import kekulised, kekulised_beginning
from scitrain.chem.parallel import parallel_map
from scitrain.chem.selfies_spelling import SelfiesError, alphabet, from_selfies, to_selfies
from scitrain.generation.grammar import Grammar, Words
from scitrain.generation.plain_grammars import FormulaGrammar, SelfiesGrammar
from scitrain.generation.smiles_grammar import SmilesGrammar
from scitrain.tokenizers import SPECIALS, Tokens, composition, decode, encode, selfies, smiles

__all__ = ["LANGUAGES", "Language", "Settled", "settle_formula", "settle_smiles"]


ROUNDS = 5


class Settled(NamedTuple):
    """What a drawn string is."""

    key: str
    """One spelling for all strings of the same molecule or composition; empty where it is none."""
    problem: str = ""


def settle_smiles(text: str) -> Settled:
    """Return the canonical SMILES of a molecule that RDKit reads and sanitises."""
    quiet = rdBase.BlockLogs()
    try:
        mol = Chem.MolFromSmiles(text, sanitize=False) if text else None
        if mol is None:
            return Settled("", "no SMILES" if text else "empty")
        try:
            Chem.SanitizeMol(mol)
        except (Chem.AtomValenceException, Chem.AtomSanitizeException):
            return Settled("", "valence exceeded")
        except (Chem.KekulizeException, Chem.MolSanitizeException, ValueError):
            return Settled("", "aromatic rings that cannot be written with double bonds")
        return Settled(_fixed(_canonical, Chem.MolToSmiles(mol)))
    finally:
        del quiet


def _fixed(write: Callable[[str], str], text: str) -> str:
    """Return the spelling that writes itself: of strange molecules and long fractions the first one is not always it."""
    for _ in range(ROUNDS):
        again = write(text)
        if again == text:
            break
        text = again
    return text


def _canonical(text: str) -> str:
    mol = Chem.MolFromSmiles(text)
    return text if mol is None else Chem.MolToSmiles(mol)


def settle_formula(text: str) -> Settled:
    """Return the reduced formula, its elements from the least to the most electronegative."""
    try:
        return Settled(_fixed(reduced, text)) if text else Settled("", "empty")
    except FormulaError:
        return Settled("", "no formula")


class Language(ABC):
    """A notation, its tokenizer and its grammar."""

    notation: ClassVar[str]
    kind: ClassVar[str]
    """Modality of what is drawn: `smiles` or `formula`."""
    always_whole: ClassVar[bool] = False
    """True where a string that was cut off is one too."""
    tokenizer: PreTrainedTokenizerFast

    @abstractmethod
    def __init__(self, texts: Sequence[str] = ()) -> None:
        """Make the tokenizer; one whose alphabet is open takes what ``texts`` have."""

    @abstractmethod
    def spell(self, text: str) -> str | None:
        """Return a canonical SMILES or formula as the network reads it, or None where the notation cannot say it."""

    def begin(self, text: str) -> str | None:
        """Return the beginning of a SMILES or formula as the network reads it, or None where the notation cannot say it."""
        return text

    @abstractmethod
    def grammar(self, words: Words) -> Grammar:
        """Return what may be drawn."""

    @abstractmethod
    def settle(self, text: str) -> Settled:
        """Return what a drawn string is."""

    def written(self, text: str) -> str:
        """Return a drawn string in the notation a user reads: SMILES or formula."""
        return text

    def spell_all(self, texts: Sequence[str]) -> list[str | None]:
        """Spell many, in parallel processes where that is sooner done."""
        return parallel_map(self.spell, texts)

    def ids(self, spelled: Sequence[str]) -> Tokens:
        """Return the ids of each string, from [BOS] to [EOS]."""
        return encode(self.tokenizer, spelled)

    def text(self, ids: Sequence[int]) -> str:
        """Return the string of ids, without what frames it."""
        return decode(self.tokenizer, ids)

    def words(self, known: Iterable[int]) -> Words:
        """Return the vocabulary, of which the ids ``known`` may be drawn."""
        names = self.tokenizer.convert_ids_to_tokens(list(range(len(self.tokenizer))))
        ours = self.tokenizer
        free = frozenset(known) - {ours.convert_tokens_to_ids(name) for name in SPECIALS}
        return Words(tuple(names), ours.bos_token_id, ours.eos_token_id, ours.pad_token_id, free)


class SmilesLanguage(Language):
    """Molecules as SMILES."""

    notation: ClassVar[str] = "smiles"
    kind: ClassVar[str] = "smiles"

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.tokenizer = smiles(generative=True)

    def spell(self, text: str) -> str | None:
        """Return it as it is."""
        return text

    def spell_all(self, texts: Sequence[str]) -> list[str | None]:
        """Return them as they are."""
        return list(texts)

    def grammar(self, words: Words) -> Grammar:
        """Return branches, rings and valences."""
        return SmilesGrammar(words)

    def settle(self, text: str) -> Settled:
        """Return the canonical SMILES."""
        return settle_smiles(text)


class KekuleLanguage(SmilesLanguage):
    """Molecules as SMILES without aromatic atoms, whose grammar lets (nearly) nothing through that is no molecule."""

    notation: ClassVar[str] = "kekule"

    def spell(self, text: str) -> str | None:
        """Return it with double bonds in place of aromatic ones."""
        return kekulised(text)

    def spell_all(self, texts: Sequence[str]) -> list[str | None]:
        """Spell many."""
        return parallel_map(kekulised, texts)

    def begin(self, text: str) -> str | None:
        """Return it with double bonds in place of aromatic ones."""
        return kekulised_beginning(text)


class SelfiesLanguage(Language):
    """Molecules as SELFIES."""

    notation: ClassVar[str] = "selfies"
    kind: ClassVar[str] = "smiles"
    always_whole: ClassVar[bool] = True

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.tokenizer = selfies(alphabet(texts), generative=True)

    def spell(self, text: str) -> str | None:
        """Return SELFIES; None where a valence is beyond them."""
        return as_selfies(text)

    def begin(self, text: str) -> str | None:
        """Return the SELFIES of a whole SMILES."""
        return as_selfies(text)

    def spell_all(self, texts: Sequence[str]) -> list[str | None]:
        """Spell many."""
        return parallel_map(as_selfies, texts)

    def grammar(self, words: Words) -> Grammar:
        """Return what is no ring or branch alone."""
        return SelfiesGrammar(words)

    def settle(self, text: str) -> Settled:
        """Return the canonical SMILES."""
        return settle_smiles(self.written(text))

    def written(self, text: str) -> str:
        """Return SMILES."""
        try:
            return from_selfies(text)
        except SelfiesError:
            return ""


def as_selfies(text: str) -> str | None:
    """Return the SELFIES of a SMILES, or None where there are none."""
    try:
        return to_selfies(text)
    except SelfiesError:
        return None


class FormulaLanguage(Language):
    """Compositions as formulas, elements and amounts."""

    notation: ClassVar[str] = "composition"
    kind: ClassVar[str] = "formula"

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.tokenizer = composition("amounts", generative=True)

    def spell(self, text: str) -> str:
        """Return the reduced formula in the order of electronegativities."""
        return reduced(text)

    def grammar(self, words: Words) -> Grammar:
        """Return elements, each once, and amounts."""
        return FormulaGrammar(words)

    def settle(self, text: str) -> Settled:
        """Return the reduced formula."""
        return settle_formula(text)


LANGUAGES: dict[str, type[Language]] = {
    cls.notation: cls for cls in (SmilesLanguage, KekuleLanguage, SelfiesLanguage, FormulaLanguage)
}
