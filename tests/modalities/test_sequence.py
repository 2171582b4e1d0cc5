import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scitrain.errors import DataError
from scitrain.modalities._sequence_features import tidy
from scitrain.modalities.sequence import Sequence, SequenceLetters

modality = Sequence()
chance = random.Random(0)
PROTEINS = ["".join(chance.choices("ACDEFGHIKLMNPQRSTVWY", k=chance.randint(30, 60))) for _ in range(40)]
ALIGNED = [f"MKT{a}YIA{b}QR" for a in "ACDE" for b in "FGHI"]


@pytest.mark.parametrize(
    ("text", "sequence", "change"),
    [
        ("MKTAYIAK", "MKTAYIAK", None),
        ("mktayiak", "MKTAYIAK", "wrote lower-case letters in capitals"),
        ("MKTAYIAK*", "MKTAYIAK", "removed the stop * at the end"),
        ("MKT-AY.IAK", "MKTAYIAK", "removed 2 gaps"),
        ("MKTA YIAK 8", "MKTAYIAK", "removed spaces and numbers"),
        (">sp|P1\nMKTAY\nIAK", "MKTAYIAK", "removed the FASTA header; removed spaces and numbers"),
        ("MKTXBYIAK", "MKTXXYIAK", "2 of 9 letters are not known for sure, and read as X"),
    ],
)
def test_a_protein_is_brought_to_one_form_and_the_change_is_told(text: str, sequence: str, change: str | None) -> None:
    assert tidy(text, "protein", "remove") == (sequence, None, change)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("MKT*AY", "has a stop * at position 4, before its end"),
        ("MKT1@Y", "has the letter '@' at position 4, which is no residue of protein"),
        ("XXXXMK", "4 of its 6 letters are unknown (X)"),
        ("", "empty; expected a protein sequence such as ACDEFGHI"),
        ("*", "empty"),
        ("-", "empty"),
    ],
)
def test_what_is_no_protein_is_refused_with_the_place(text: str, said: str) -> None:
    assert said in str(tidy(text, "protein", "remove")[1])


def test_rna_in_a_column_of_dna_is_read_as_dna() -> None:
    assert tidy("ACGU", "dna", "remove") == ("ACGT", None, "read U as T")


@given(st.text(alphabet="ACDEFGHIKLMNPQRSTVWYX-*acdxy ", max_size=30))
def test_a_tidy_sequence_stays_as_it_is(text: str) -> None:
    once, problem, _ = tidy(text, "protein", "remove")
    if problem is None:
        assert tidy(once, "protein", "remove")[:2] == (once, None)


def test_sequences_are_recognised_by_their_letters_or_their_name() -> None:
    found = modality.recognise({"x": PROTEINS, "y": ["1.5"] * 40})
    assert found is not None
    assert found.columns == ("x",)
    assert modality.recognise({"peptide": [p[:6].lower() for p in PROTEINS]}) is not None
    dna = modality.recognise({"read": ["".join(chance.choices("ACGT", k=30)) for _ in range(9)]})
    assert dna is not None
    assert "dna" in dna.reason


@pytest.mark.parametrize(
    "cells",
    [
        ["CCCCCCCCCCCCCCO", "CCNCCCCCCCCCCCC", "CCCCOCCCCCCCCC"],
        ["ALPHA", "BETA", "GAMMA", "DELTA"],
        ["this is a sentence of words", "and this is another one of them"],
        ["Fe2O3", "NaCl", "MgSiO3"],
        ["1.5", "2.5"],
        [],
    ],
    ids=["SMILES", "words", "prose", "formulas", "numbers", "nothing"],
)
def test_what_only_looks_like_a_sequence_is_left_to_others(cells: list[str]) -> None:
    assert modality.recognise({"x": cells}) is None


def test_aligned_sequences_are_read_where_they_differ() -> None:
    featuriser = modality.featuriser("vector", {"s": ALIGNED}, np.arange(16))
    assert isinstance(featuriser, SequenceLetters)
    assert featuriser.names() == ("4A", "4C", "4D", "4E", "8F", "8G", "8H", "8I")
    array, errors = featuriser.transform({"s": ["MKTCYIAHQR", "MKTWYIAHQR"]})
    assert errors == {}
    assert array[0].tolist() == [0, 1, 0, 0, 0, 0, 1, 0]
    assert array[1].tolist() == [0, 0, 0, 0, 0, 0, 1, 0], "a letter that the training did not show says nothing"
    assert "differ at 2 positions (4, 8)" in featuriser.reason()


def test_a_change_where_nothing_ever_changed_is_refused() -> None:
    for kind in modality.kinds:
        featuriser = modality.featuriser(kind, {"s": ALIGNED}, np.arange(16))
        errors = featuriser.transform({"s": ["MKTCYIAHQR", "AKTCYIAHQR", "MKTCYIAHQ"]})[1]
        assert errors[1].startswith("has A at residue 1, where all sequences of the training have M")
        assert errors[2] == "has 9 residues where all sequences of the training have 10"


def test_letters_of_test_rows_are_not_learned_but_their_positions_are() -> None:
    featuriser = modality.featuriser("vector", {"s": [*ALIGNED, "AKTCYIAHQR"]}, np.arange(16))
    assert isinstance(featuriser, SequenceLetters)
    assert featuriser.letters[0] == "M"
    assert featuriser.transform({"s": ["AKTCYIAHQR"]})[1] == {}


def test_sequences_of_different_lengths_are_shares_of_words() -> None:
    featuriser = modality.featuriser("vector", {"s": PROTEINS}, np.arange(40))
    array, _ = featuriser.transform({"s": ["MKMKA"]})
    row = dict(zip(featuriser.names() or (), array[0].tolist(), strict=True))
    assert row["share of M"] == pytest.approx(2 / 5)
    assert row["share of MK"] == pytest.approx(2 / 4)
    assert row["log length"] == pytest.approx(np.log(5))
    assert sum(value for name, value in row.items() if name.startswith("share") and len(name) == 10) == pytest.approx(1)


def test_tokens_are_letters_and_padding_stands_behind() -> None:
    featuriser = modality.featuriser("tokens", {"s": PROTEINS}, np.arange(40))
    array, errors = featuriser.transform({"s": ["ACX", "A" * 61]})
    assert array[0, :4].tolist() == [2, 3, 1, 0]
    assert "the network reads" in errors[1]
    assert featuriser.shape().vocabulary == 23


def test_gaps_that_align_sequences_are_a_letter() -> None:
    aligned = {"s": ["MK-AY", "MKTAY", "MK-CY", "MKTCY"]}
    cleaned = modality.clean(aligned, impute=False)
    assert cleaned.columns == aligned
    assert modality.clean({"s": ["MK-AY", "MKTAYI"]}, impute=False).columns == {"s": ["MKAY", "MKTAYI"]}


def test_a_family_of_sequences_is_one_group_and_strangers_are_others() -> None:
    first, second = PROTEINS[0], PROTEINS[1]
    mutants = [first[:i] + "A" + first[i + 1 :] for i in (3, 12, 20)]
    groups = modality.groups({"s": [first, *mutants, second]}, "cluster")
    assert groups is not None
    assert len(set(groups[:4])) == 1
    assert groups[4] != groups[0]
    assert modality.groups({"s": PROTEINS}, "scaffold") is None


def test_very_long_sequences_are_left_to_shares_of_words() -> None:
    long = {"s": ["ACDEFGHIKL" * 300, "ACDEFGHIKL" * 299]}
    assert modality.featuriser("vector", long, np.arange(2)).shape().shape == (421,)
    with pytest.raises(DataError, match="model='mlp'"):
        modality.featuriser("tokens", long, np.arange(2))
    with pytest.raises(DataError, match="one column"):
        modality.clean({"a": PROTEINS, "b": PROTEINS}, impute=False)
