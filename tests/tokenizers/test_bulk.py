"""Many texts at once: the same ids as one by one."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scitrain.data.read import read
from scitrain.tokenizers import SPECIALS, Tokens, composition, encode, load, selfies, smiles
from scitrain.tokenizers._smiles import tokens
from scitrain.tokenizers._smiles_bytes import reader
from scitrain.workspace import Workspace

ENCODER, GENERATOR = smiles(), smiles(generative=True)
PIECES = [
    *tokens(),
    *SPECIALS,
    "[13C@@H]",
    "[Cl",
    "@TBr",
    "<->",
    "@@@",
    "[2",
    "[1234Ga",
    "é",
    "😀",
    "\x02",
    "\x03",
    "\0",
    "\n",
    "C\r",
]
NASTY = [
    "",
    "[13C@@H]",
    "%12",
    "C%10C%1C%(101)%0",
    "[nH]",
    "Cl[Cl-]ClBr[76Br]lr",
    "[[[]]]",
    "C[",
    "[C",
    "]",
    "C]C",
    "@@@@@TH1@TBr[@TB]",
    "<->->--><-",
    "Sc1[Sc][12Sc][123Sc][1234Sc]",
    "[se][te]se[se",
    "jqJ~",
    "C😀C",
    "Ünknown",
    "[UNK]C[CLS]",
    "\x02C\x03",
    "C C\tC",
    "C" * 5_000,
    "[" * 5_000,
    "[C@@H](" * 700,
]


def same(tokenizer, texts):
    found = encode(tokenizer, texts)
    assert found.rows() == tokenizer(texts)["input_ids"]
    assert found.flat.dtype in (np.int16, np.int32)


@pytest.mark.parametrize("tokenizer", [ENCODER, GENERATOR])
def test_nasty_strings_are_cut_as_the_tokenizer_cuts_them_together_and_alone(tokenizer):
    same(tokenizer, NASTY)
    for text in NASTY:
        same(tokenizer, [text])


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), min_size=1, max_size=8))
@example(["@@Br", "@TBr", "@@TBr", "C@@<-", "C@@->"])
def test_any_pieces_in_any_order_are_cut_as_the_tokenizer_cuts_them(texts):
    same(ENCODER, texts)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(st.characters(max_codepoint=126), max_size=40), min_size=1, max_size=4))
def test_any_text_is_cut_as_the_tokenizer_cuts_it(texts):
    same(GENERATOR, texts)


def test_molecules_of_a_collection_need_no_slow_way(tmp_path):
    texts = read("builtin:nci-molecules", Workspace(tmp_path, ())).columns["smiles"][:3000]
    fast = reader(ENCODER)
    assert fast is not None
    assert fast.read(texts) is not None
    same(ENCODER, list(texts))


def test_no_unknown_is_lost():
    texts = ["CC", "Cé", "éCé", "C"]
    assert encode(ENCODER, texts).having(ENCODER.unk_token_id).tolist() == [False, True, True, False]


@pytest.mark.parametrize("tokenizer", [composition(), composition("repeated"), selfies(), selfies(generative=True)])
def test_every_other_notation_is_read_by_its_own_tokenizer(tokenizer):
    same(tokenizer, ["[C][=O]", "Fe2O3", "CuSO4·5H2O", ""])


def test_another_vocabulary_is_read_by_its_own_tokenizer(tmp_path):
    ENCODER.save_pretrained(tmp_path)
    other = load(tmp_path)
    same(other, ["C[Xe]C"])
    assert reader(other) is not None
    other.add_tokens(["[Xe]"])
    assert reader(other) is None
    same(other, ["C[Xe]C"])


def test_nothing_is_nothing():
    assert len(encode(ENCODER, [])) == len(encode(composition(), [])) == 0


# Rows of ids


ROWS = [[2, 9, 3], [], [2, 3], [2, 8, 8, 1, 3]]


def test_rows_come_back_in_any_order_and_padded():
    found = Tokens.of(ROWS)
    assert found.lengths.tolist() == [3, 0, 2, 5]
    again = found.chosen(np.array([3, 0, 1, 3]))
    assert again.rows() == [ROWS[3], ROWS[0], [], ROWS[3]]
    assert found.padded(5, 7).tolist() == [[2, 9, 3, 7, 7], [7] * 5, [2, 3, 7, 7, 7], ROWS[3]]
    assert found.having(8).tolist() == [False, False, False, True]
    assert Tokens.stacked([found, again]).row(5).tolist() == ROWS[0]
    assert len(Tokens.of([]).chosen(np.array([], dtype=np.int64))) == 0
