"""Masks: they refuse nothing that is there, and let nothing through that cannot be read."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, rdBase

from scitrain.chem.formulas import parse
from scitrain.data.builtin import read_builtin
from scitrain.generation.languages import LANGUAGES
from scitrain.generation.smiles_grammar import SmilesGrammar
from scitrain.workspace import Workspace

SEEN = [
    "CC(=O)Nc1ccc(O)cc1",
    "C1CC2(C1)OCCO2",
    "O=[N+]([O-])c1cc[nH]c1",
    "FC(F)(F)c1ccc2ncsc2c1",
    "CS(=O)(=O)N1CCC(C#N)CC1",
    "C/C=C/C1=CC=CC1.Cl",
    "c1ccc(-c2nc3ccccc3o2)cc1Br",
]


def known(language, texts):
    return language.words({i for ids in language.ids(texts).rows() for i in ids})


def walk(grammar, words, choose, most=60):
    """Return the tokens of a walk along what is allowed."""
    reading, found = grammar.begin(), []
    for place in range(most):
        allowed = np.flatnonzero(reading.allowed(most - place))
        assert len(allowed), f"a dead end behind {found}"
        token = int(choose(allowed.tolist()))
        if token == words.eos:
            return found, True
        found.append(token)
        reading.advance(token)
    return found, False


@pytest.fixture(scope="module")
def smiles():
    language = LANGUAGES["smiles"]()
    words = known(language, SEEN)
    return language, words, language.grammar(words)


@pytest.mark.parametrize("notation", ["smiles", "kekule"])
def test_no_molecule_is_refused(notation, tmp_path):
    texts = list(read_builtin("builtin:nci-molecules", Workspace(tmp_path)).columns["smiles"])[:400]
    language = LANGUAGES[notation]()
    mols = [Chem.MolToSmiles(mol) for text in [*texts, *SEEN] if (mol := Chem.MolFromSmiles(text)) is not None]
    ids = language.ids([text for text in language.spell_all(mols) if text]).rows()
    assert len(ids) == len(mols)
    pieces = set(language.tokenizer.convert_tokens_to_ids(["[", "]"]))
    whole = [row for row in ids if not pieces & set(row)]
    assert len(whole) > 300
    words = language.words({i for row in whole for i in row})
    grammar = language.grammar(words)
    for row in whole:
        reading = grammar.begin()
        for place, token in enumerate(row[1:], 1):
            assert reading.allowed(len(row) - place + 30)[token], language.text(row[: place + 1])
            reading.advance(token)


@pytest.fixture(scope="module")
def kekule():
    language = LANGUAGES["kekule"]()
    words = known(language, [text for text in language.spell_all(SEEN) if text])
    return language, words, language.grammar(words)


@given(st.integers(0, 2**32 - 1))
def test_every_walk_without_aromatic_atoms_that_ends_is_a_molecule(kekule, seed):
    """Valences tell all: nothing is left for the network to know."""
    language, words, grammar = kekule
    tokens, ended = walk(grammar, words, random.Random(seed).choice)
    if ended:
        assert language.settle(language.text(tokens)).key, language.text(tokens)


@pytest.mark.parametrize(
    ("atom", "room"),
    [
        ("[N+]", 4),
        ("[O-]", 1),
        ("[B-]", 4),
        ("[P+]", 4),
        ("[NH+]", 3),
        ("[C@H]", 3),
        ("[Cl-]", 0),
        ("[nH]", 2),
        ("[n+]", 3),
    ],
)
def test_an_atom_in_brackets_takes_as_many_bonds_as_its_charge_leaves(atom, room):
    language = LANGUAGES["smiles"]()
    words = known(language, [atom])
    [place] = [i for i in words.known if words.tokens[i] == atom]
    assert SmilesGrammar(words).read[place].room == room


@given(st.integers(0, 2**32 - 1))
def test_a_walk_in_the_mask_is_a_smiles_whose_rings_and_branches_close(smiles, seed):
    language, words, grammar = smiles
    tokens, ended = walk(grammar, words, random.Random(seed).choice)
    text = language.text(tokens)
    if ended:
        quiet = rdBase.BlockLogs()
        assert Chem.MolFromSmiles(text, sanitize=False) is not None, text
        del quiet


@given(st.integers(0, 2**32 - 1))
def test_every_walk_in_selfies_is_a_molecule(seed):
    language = LANGUAGES["selfies"]()
    words = known(language, [text for text in language.spell_all(SEEN) if text])
    tokens, _ = walk(language.grammar(words), words, random.Random(seed).choice, most=25)
    assert language.settle(language.text(tokens)).key


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_every_walk_in_formulas_is_a_formula_with_each_element_once(seed, fractions):
    language = LANGUAGES["composition"]()
    words = known(language, ["Fe2O3", "Na12Cl", "CaTiO3", *(["Mg0.25Si1.5O"] if fractions else [])])
    tokens, ended = walk(language.grammar(words), words, random.Random(seed).choice)
    if ended:
        elements = [words.tokens[i] for i in tokens if words.tokens[i].isalpha()]
        assert len(elements) == len(set(elements)) == len(parse(language.text(tokens)))
