"""What is shown beside numbers: examples of fragments, atoms taken away, words, elements, pages."""

import numpy as np
import pytest
from rdkit import Chem

from scitrain.explaining.deletion import MOST_ATOMS, without_each
from scitrain.explaining.fragments import with_examples
from scitrain.explaining.pages import tokens_page
from scitrain.explaining.reading import Read, read_row, without_atoms
from scitrain.explaining.words import on_words
from scitrain.figures.importance_map import importance_map
from scitrain.figures.periodic_table import Told, periodic_table, places
from scitrain.modalities import MODALITIES

OPTIONS = {"columns": ["smiles"], "radius": 2, "bits": 1024, "output": "vector"}


def featuriser(modality, kind, **columns):
    rows = np.arange(len(next(iter(columns.values()))))
    return MODALITIES[modality].featuriser(kind, columns, rows)


def test_a_folded_count_is_named_by_a_fragment_that_it_counts():
    made = featuriser("smiles", "vector", smiles=["CCCO", "c1ccccc1"])
    x, _ = made.transform({"smiles": ["CCCO"]})
    names = np.array(made.names())
    on = [name for name, value in zip(names, x[0], strict=True) if value and name.split("_")[0] in ("pair", "torsion")]
    told = with_examples(["MolLogP", *on], {"smiles": ["CCCO"]}, made.options())
    assert told[0] == "MolLogP"
    assert any(name.startswith("pair_") and name.endswith("C…O, 3 bonds apart") for name in told)
    assert any(name.startswith("torsion_") and name.endswith(": CCCO") for name in told)
    absent = next(name for name, value in zip(names, x[0], strict=True) if not value and name.startswith("pair_"))
    assert with_examples([absent], {"smiles": ["CCCO"]}, made.options()) == [absent]


def test_an_atom_is_worth_what_the_prediction_loses_without_it():
    names = featuriser("smiles", "vector", smiles=["CCO"]).names()
    mass = names.index("exactmw")
    mol, effect = without_each(["CCO"], OPTIONS, lambda rows: rows[:, mass])
    assert Chem.MolToSmiles(mol) == "CCO"
    # ethanol 46.04; without an end CH3OH 32.03, without the middle CH4 + H2O 34.04, without O C2H6 30.05
    np.testing.assert_allclose(effect, [14.016, 12.0, 15.995], atol=2e-3)


def test_a_molecule_of_one_atom_and_one_too_large_are_left_as_they_are():
    assert without_each(["C"], OPTIONS, lambda rows: rows[:, 0])[1].tolist() == [0.0]
    assert without_each(["C" * (MOST_ATOMS + 1)], OPTIONS, lambda rows: rows[:, 0]) is None
    aromatic = without_each(["c1ccc2[nH]ccc2c1"], OPTIONS, lambda rows: rows[:, 0])[1]
    assert np.isfinite(aromatic).all()


def test_only_molecules_read_as_vectors_are_taken_apart():
    tokens = featuriser("smiles", "tokens", smiles=["CCO", "CCN"])
    read = Read({"a": 1.0})
    assert without_atoms(tokens, {"smiles": "CCO"}, read, lambda rows: rows[:, 0]) is read
    made = featuriser("smiles", "vector", smiles=["CCO", "CCN"])
    shown = without_atoms(made, {"smiles": "CCO"}, read, lambda rows: rows[:, 0])
    assert shown.parts == read.parts
    assert list(shown.beside) == ["without atom 1 C", "without atom 2 C", "without atom 3 O"]


def test_terms_colour_the_words_they_were_counted_in_and_nothing_is_lost():
    options = {"unit": "words", "terms": ["iron", "iron rust", "copper"], "columns": ["text"]}
    words, values = on_words("Iron rust, and iron!", np.array([4.0, 2.0, 9.0]), options)
    assert words == ["iron", "rust", "and", "iron"]
    assert values.tolist() == [3.0, 1.0, 0.0, 2.0]
    letters, shares = on_words("錆び", np.array([2.0]), {"unit": "characters", "terms": ["錆び"], "columns": ["text"]})
    assert (letters, shares.tolist()) == (["錆", "び"], [1.0, 1.0])


def test_a_text_read_as_terms_is_drawn_as_words():
    texts = ["iron rust grew in wet air", "copper stayed bright in dry air", "iron rust again in air"]
    made = featuriser("text", "vector", text=texts)
    x, _ = made.transform({"text": texts})
    read = read_row(made, {"text": texts[0]}, x[0], x[0])
    words, values = read.picture.tokens
    assert words == texts[0].split()
    assert values.sum() == pytest.approx(sum(read.parts.values()), rel=1e-4)


def test_letters_of_aligned_sequences_are_told_with_their_place():
    cells = ["ACDEFGHIKLMN", "ACDWFGHIKLMN", "ACDEFGHIKLMY"]
    made = featuriser("sequence", "tokens", seq=cells)
    x, _ = made.transform({"seq": cells})
    assert read_row(made, {"seq": cells[1]}, x[1], np.ones(x.shape[1])).picture.tokens[0] == ["W4", "N12"]


def test_a_page_of_tokens_shows_untrusted_words_as_they_are():
    page = tokens_page(["1 · <b>x</b>"], [(["<script>", "rust"], np.array([1.0, -2.0]))], "occlusion", "eV", True)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert 'title="rust: −2"' in page or 'title="rust: −2.00"' in page
    assert page.count('<span style="background: #') == 4


def test_every_element_has_a_place_of_its_own():
    assert len(places()) == 118
    assert len(set(places().values())) == 118
    assert places()["He"] == (18.0, 1.0)
    assert places()["Fe"] == (8.0, 4.0)
    assert places()["La"][1] > 8
    drawn = periodic_table({"Fe": -0.5, "O": 0.2}, {"Fe": 3, "O": 9}, "mean attribution (eV)", Told("t", "m", "n"))
    said = [text.get_text() for text in drawn.axes[0].texts]
    assert {"Fe", "O", "He", "−0.50", "n 9"} <= set(said)


def test_a_map_over_images_lies_in_their_pixels():
    drawn = importance_map(np.arange(6.0).reshape(2, 3), (8, 12), "mean |attribution|", "m", "n")
    assert tuple(drawn.axes[0].get_images()[0].get_extent()) == (0, 12, 8, 0)
