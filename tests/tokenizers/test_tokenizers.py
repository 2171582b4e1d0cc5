import re

import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from scitrain.chem.formula_features import FormulaSyntaxError, element_properties, parse_formula
from scitrain.chem.formulas import canonical
from scitrain.chem.selfies_spelling import SelfiesError, alphabet, common, from_selfies, to_selfies
from scitrain.data.read import read
from scitrain.errors import DataError, ScitrainError
from scitrain.tokenizers import SPECIALS, composition, decode, load, notation, selfies, smiles, spell, unknowns
from scitrain.workspace import Workspace

SYMBOLS = element_properties()[1]
SMILES = smiles()
ODD = """
[13CH4] [2H]O[2H] C/C=C\\C F/C=C/F [Na+].[Cl-] C%10CC%10 C%(101)CC%(101) [nH]1cccc1 [Cu+2] [OH3+] [Hg++] [C--] N[C@@H](C)C(=O)O
[C@TH1](F)(Cl)(Br)I [Co@OH12](N)(N)(N)(N)(N)N [238U] *C [*:1]C [CH3:12]C C[N+]#[C-] c1cc[se]c1 [te]1cccc1 [SiH4] N->[Cu+2]<-N
C$C [Og] [#6] C~C [999C] C:C [68Ga+3] [Sc+3] Sc1ccccc1 Cs1cccc1 [Cn] [O-][Cl+3]([O-])([O-])[O-] B1[se]c2ccccc2[se]1 [H][H] [0C]
""".split()
FORMULAS = """
Fe2O3 LiCoO2 (Mg0.9Fe0.1)2SiO4 CuSO4·5H2O CuSO4.5H2O D2O [Fe(CN)6]3- SO4^2- NaN H1e-3 Fe100O150 Na1/3CoO2 Sn0.05In1.95O3
""".split()


@pytest.fixture(scope="module")
def known():
    return smiles()


@pytest.fixture(scope="module")
def molecules(tmp_path_factory):
    source = read("builtin:nci-molecules", Workspace(tmp_path_factory.mktemp("w"), ()))
    return source.columns["smiles"][:1500]


def test_every_molecule_of_a_collection_comes_back_as_it_was_without_an_unknown(known, molecules):
    for text, ids in zip(molecules, known(list(molecules))["input_ids"], strict=True):
        assert decode(known, ids) == text
        assert known.unk_token_id not in ids


@pytest.mark.parametrize("text", ODD)
def test_whatever_rdkit_reads_comes_back_as_it_was(known, text):
    if text not in ("C~C", "C:C"):
        assert Chem.MolFromSmiles(text, sanitize=False) is not None
    assert decode(known, known(text)["input_ids"]) == text
    assert unknowns(known, text) == []


@given(st.text(max_size=40))
def test_no_character_is_lost_each_is_told_or_comes_back(text):
    tokenizer = SMILES
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    if not re.search("|".join(map(re.escape, SPECIALS)), text):
        assert "".join(text[start:end] for start, end in found["offset_mapping"]) == text
    assert len(unknowns(tokenizer, text)) == sum(not " " <= one <= "~" for one in text) + text.count("[UNK]")


def test_common_bracket_atoms_are_one_token_and_rare_ones_are_taken_apart(known):
    assert known.tokenize("C[C@@H]([NH3+])Cl") == ["C", "[C@@H]", "(", "[NH3+]", ")", "Cl"]
    assert known.tokenize("[68Ga@TH1+3]") == ["[", "6", "8", "Ga", "@TH", "1", "+", "3", "]"]
    assert known.tokenize("C%12") == ["C", "%12"]


def test_scandium_is_read_in_brackets_alone(known):
    assert known.tokenize("Sc1") == ["S", "c", "1"]
    assert known.tokenize("[Sc+3][45Sc]") == ["[", "Sc", "+", "3", "]", "[", "4", "5", "Sc", "]"]


def test_offsets_say_where_a_token_stands(known):
    found = known("CCl[nH]", add_special_tokens=False, return_offsets_mapping=True)
    assert found["offset_mapping"] == [(0, 1), (1, 3), (3, 7)]


@pytest.mark.parametrize(
    "tokenizer", [smiles(), composition(), composition("repeated"), selfies(), smiles(generative=True)]
)
def test_a_saved_tokenizer_is_the_same_for_transformers_and_for_us(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    for again in (load(tmp_path), transformers.AutoTokenizer.from_pretrained(tmp_path)):
        assert notation(again) == notation(tokenizer)
        assert again("C[nH]FeO2")["input_ids"] == tokenizer("C[nH]FeO2")["input_ids"]
        assert again.special_tokens_map == tokenizer.special_tokens_map
    assert [tokenizer.convert_tokens_to_ids(name) for name in SPECIALS] == list(range(7))


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(ScitrainError, match="save_pretrained"):
        load(tmp_path)


def test_rows_are_framed_by_what_reads_them():
    assert smiles().decode(smiles()("C")["input_ids"]) == "[CLS]C[SEP]"
    assert smiles(generative=True).decode(smiles(generative=True)("C")["input_ids"]) == "[BOS]C[EOS]"
    assert decode(smiles(), [5, *smiles()("CO", add_special_tokens=False)["input_ids"], 6, 40, 41]) == "CO"


def test_padding_is_masked(known):
    batch = known(["C", "CCO"], padding=True, return_tensors="np")
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert batch["input_ids"][0, 3:].tolist() == [known.pad_token_id] * 2


# Formulas


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_comes_back_as_it_was(text):
    tokenizer = composition()
    assert decode(tokenizer, tokenizer(text)["input_ids"]) == text
    assert unknowns(tokenizer, text) == []


def test_subscripts_and_full_width_forms_come_back_plain():
    tokenizer = composition()
    assert decode(tokenizer, tokenizer("Fe₂O₃")["input_ids"]) == "Fe2O3"
    assert decode(tokenizer, tokenizer("（Ｍｇ０．９Ｆｅ０．１）２ＳｉＯ４")["input_ids"]) == "(Mg0.9Fe0.1)2SiO4"


@pytest.mark.parametrize("encoding", ["amounts", "repeated"])
def test_every_element_has_the_id_of_its_number(encoding):
    tokenizer = composition(encoding)
    assert tokenizer.convert_tokens_to_ids(list(SYMBOLS)) == list(range(7, 125))


def test_an_unknown_element_is_told_a_character_at_a_time():
    assert [(one.text, one.start) for one in unknowns(composition(), "Xx2O")] == [("X", 0), ("x", 1)]
    assert [one.text for one in unknowns(composition("repeated"), "FeO2")] == ["2"]


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 40), min_size=1, max_size=6))
def test_atom_by_atom_is_the_same_formula(amounts):
    formula = "".join(f"{symbol}{amount}" for symbol, amount in amounts.items())
    tokenizer = composition("repeated")
    ids = tokenizer(spell(formula, "repeated"), add_special_tokens=False)["input_ids"]
    assert len(ids) == sum(amounts.values())
    assert parse_formula(decode(tokenizer, ids)) == amounts


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(SYMBOLS), st.floats(1e-6, 1e5), min_size=1, max_size=6))
def test_amounts_lose_nothing(amounts):
    formula = "".join(f"{symbol}{amount:.9f}" for symbol, amount in amounts.items())
    tokenizer = composition()
    assert decode(tokenizer, tokenizer(spell(formula))["input_ids"]) == canonical(formula)


def test_a_fraction_becomes_the_smallest_whole_ratio_or_is_refused():
    assert spell("FeO1.5", "repeated") == "FeFeOOO"
    assert spell("NaN", "repeated") == "NaN"
    with pytest.raises(DataError, match="no small whole ratio"):
        spell("Fe0.99983O", "repeated")
    with pytest.raises(DataError, match="600 atoms"):
        spell("Fe600", "repeated")
    with pytest.raises(DataError, match="charge"):
        spell("SO4-2")


# SELFIES


@settings(deadline=None)
@given(st.lists(st.sampled_from(common()), max_size=30))
def test_every_string_of_the_alphabet_is_a_molecule(symbols):
    text = from_selfies("".join(symbols))
    assert not text or Chem.MolFromSmiles(text, sanitize=False) is not None


def test_molecules_pass_through_selfies(molecules):
    texts = [to_selfies(text) for text in molecules[:150] if Chem.MolFromSmiles(text)]
    tokenizer = selfies(alphabet(texts))
    for text in texts:
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.unk_token_id not in ids
        assert decode(tokenizer, ids) == text
    assert Chem.CanonSmiles(from_selfies(to_selfies("C[C@H](N)C(=O)[O-]"))) == Chem.CanonSmiles("C[C@H](N)C(=O)[O-]")


def test_symbols_of_the_data_follow_the_common_ones():
    more = selfies(["[Zr]", "[C]"])
    assert len(more) == len(selfies()) + 1
    assert more.convert_tokens_to_ids(list(common())) == selfies().convert_tokens_to_ids(list(common()))


def test_what_is_no_selfies_is_refused():
    with pytest.raises(SelfiesError, match="\\[Foo\\]"):
        selfies(["[Foo]"])
    with pytest.raises(SelfiesError, match="cannot be written"):
        to_selfies("C*")
    with pytest.raises(SelfiesError, match="no SELFIES"):
        from_selfies("[C][Foo]")
    with pytest.raises(SelfiesError, match="brackets"):
        alphabet(["CC"])


def test_a_formula_that_the_parser_refuses_still_loses_nothing():
    with pytest.raises(FormulaSyntaxError):
        parse_formula("D2O")
    assert composition().tokenize("D2O") == ["D", "2", "O"]


def test_two_texts_are_framed_as_one_is(tmp_path):
    from transformers import AutoTokenizer

    smiles().save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.convert_ids_to_tokens(again("C", "O")["input_ids"]) == ["[CLS]", "C", "[SEP]", "O", "[SEP]"]
