"""A file of any length as rows on disk."""

import numpy as np
import pytest

from scitrain.pretraining import corpus as module
from scitrain.pretraining import lesson as lessons
from scitrain.pretraining.corpus import Wanted, read_corpus
from scitrain.pretraining.lesson import PretrainingLesson
from scitrain.pretraining.network import Pretraining
from scitrain.pretraining.options import PretrainingOptions
from scitrain.tokenizers import smiles
from scitrain.workspace import Workspace

MOLECULES = ["C" * n + end for n in range(1, 40) for end in ("O", "Cl", "[N+](C)(C)C")]
LINES = [*MOLECULES, "C(C", MOLECULES[3], "C" * 300, "OC"]


@pytest.fixture
def place(tmp_path):
    (tmp_path / "m.csv").write_text("smiles\n" + "\n".join(LINES) + "\n")
    return Workspace(tmp_path, ())


def wanted(held_out=0.2):
    return Wanted("m.csv", "smiles", "smiles", (), None, held_out)


def test_a_file_read_in_small_pieces_gives_the_rows_of_one_read_at_once(place, tmp_path, monkeypatch):
    whole = read_corpus(wanted(), tmp_path / "whole", place)
    sizes, original = [], module._read
    monkeypatch.setattr(module, "PIECE", 10)
    monkeypatch.setattr(
        module,
        "_read",
        lambda notation, texts, report: (sizes.append(len(texts)), original(notation, texts, report))[1],
    )
    pieces = read_corpus(wanted(), tmp_path / "pieces", place)
    assert max(sizes) == 10
    assert sum(sizes) == len(LINES)
    assert isinstance(pieces.rows, np.memmap), "rows lie on disk"
    assert np.array_equal(pieces.rows, whole.rows)
    assert np.array_equal(pieces.held, whole.held)
    assert vars(pieces.report) == vars(whole.report)


def test_molecules_are_the_tokens_of_their_standard_smiles_and_what_is_left_out_is_counted(place, tmp_path):
    found = read_corpus(wanted(), tmp_path / "c", place)
    report = found.report
    assert (report.read, report.kept, report.invalid, report.repeated) == (len(LINES), len(MOLECULES), 2, 2)
    assert any("302 tokens; at most 256" in one for one in report.examples)
    tokenizer = smiles()
    expected = tokenizer(["CO", "CCl", "C[N+](C)(C)C"])["input_ids"]
    assert [row[row > 0].tolist() for row in found.rows[:3]] == expected


@pytest.fixture
def lesson(place, tmp_path):
    found = read_corpus(wanted(), tmp_path / "c", place)
    options = PretrainingOptions(batch_size=8)
    return PretrainingLesson(Pretraining("smiles", "small", 0), found, options)


def test_an_epoch_has_each_row_once_in_batches_of_like_lengths_in_an_order_of_its_own(lesson):
    epochs = [list(lesson.batches(epoch, 0)) for epoch in (0, 1)]
    for batches in epochs:
        assert len(batches) == lesson.steps()
        rows = np.concatenate([batch["rows"].numpy() for batch in batches])
        assert sorted(map(bytes, rows)) == sorted(map(bytes, lesson.corpus.rows[lesson.learned].astype(np.int64)))
        lengths = [(batch["rows"] > 0).sum(1) for batch in batches]
        padding = sum(int(one.max() - one.float().mean()) for one in lengths) / len(lengths)
        assert padding < 3, "the lengths are 3 to 45"
    firsts = [batches[0]["rows"].numpy().tobytes() for batches in epochs]
    assert firsts[0] != firsts[1]


def test_an_epoch_that_is_taken_up_in_its_middle_goes_on_with_the_same_hidden_tokens(lesson):
    whole, rest = list(lesson.batches(3, 0)), list(lesson.batches(3, 4))
    assert len(rest) == len(whole) - 4
    assert all(one[name].equal(other[name]) for one, other in zip(whole[4:], rest, strict=True) for name in one)


def test_lengths_are_counted_piece_by_piece(lesson, monkeypatch):
    monkeypatch.setattr(lessons, "PIECE", 7)
    assert np.array_equal(lessons._lengths(lesson.corpus), (lesson.corpus.rows > 0).sum(1))
