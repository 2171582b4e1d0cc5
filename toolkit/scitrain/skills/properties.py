"""Which properties a request asks for, by the names that the tools know them by."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from scitrain.skills.aims import Aims, read_aims
from scitrain.skills.columns import column_words
from scitrain.skills.manifest import Manifest, Vocabulary
from scitrain.skills.slots import Slots
from scitrain.skills.text import Text, parts

__all__ = ["Wishes", "known_aims"]

KINDS = {
    "smiles": ("smiles", "selfies", "molecule", "molecules", "compound", "compounds", "mols", "drugs", "ligands", "分子", "化合物"),
    "formula": ("formula", "formulas", "composition", "compositions", "crystal", "crystals", "materials", "組成", "化学式", "結晶", "合金"),
}  # fmt: skip
"""Words, columns and parts of files' names that say what is drawn, by kind."""


class Wishes(NamedTuple):
    """What a request says of properties; the fields are those of `Meant`."""

    aims: Aims
    spoken: Aims
    modelled: bool
    kind: str


def known_aims(slots: Slots, columns: Sequence[str], known: Sequence[Manifest]) -> Wishes:
    """Return what is wanted of computed properties and of columns, and of properties whose column nobody knows."""
    computed = {name: one for manifest in known for name, one in manifest.computed.items()}
    others = {key: words for manifest in known for key, words in manifest.properties.items() if key not in computed}
    if columns:
        measured = {name: column_words(name, others) for name in columns if name.lower() not in computed}
        aims = read_aims(slots.blank, computed, measured)
        return Wishes(aims, {}, any(not aim.computed for aim in aims.values()), _kind(slots, columns))
    found = read_aims(slots.blank, computed, _in_plain_words(others))
    text = Text.of(slots.blank)
    modelled = any(_stands(phrase, text) for words in others.values() for phrase in words.phrases())
    aims = {name: aim for name, aim in found.items() if aim.computed}
    spoken = {name: aim for name, aim in found.items() if not aim.computed}
    return Wishes(aims, spoken, modelled, _kind(slots, ()))


def _in_plain_words(properties: Mapping[str, Vocabulary]) -> dict[str, Vocabulary]:
    """Return the properties by what they are first called."""
    named: dict[str, Vocabulary] = {}
    for key, words in properties.items():
        before = named.get(words.en[0], Vocabulary())
        named[words.en[0]] = Vocabulary(en=(*before.en, *words.en, key), ja=before.ja + words.ja)
    return named


def _stands(phrase: str, text: Text) -> bool:
    return all(bool(text.places(part)) for part in parts(phrase))


def _kind(slots: Slots, columns: Sequence[str]) -> str:
    """Return what the header, else the words, else the files' names say is drawn."""
    text = Text.of(slots.blank)
    names = " ".join(named.value.lower() for named in slots.files)
    header = {name.lower() for name in columns}
    ways: tuple[Callable[[str], bool], ...] = (
        lambda word: word in header,
        lambda word: bool(text.places(word if not word.isascii() else parts(word)[0])),
        lambda word: word in names,
    )
    for says in ways:
        kinds = [kind for kind, words in KINDS.items() if any(says(word) for word in words)]
        if len(kinds) == 1:
            return kinds[0]
    return ""
