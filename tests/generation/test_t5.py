"""Laws of MatT5: tokens lose nothing, a batch is its rows, what is learned is written, no system is on both sides."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scitrain.errors import DataError
from scitrain.generation.corpus import padded
from scitrain.generation.options import GeneratorOptions
from scitrain.generation.t5.judging import chrf, judge_written
from scitrain.generation.t5.network import build_t5
from scitrain.generation.t5.pairs import Pairs, Written, divided_by_system, read_back
from scitrain.generation.t5.teaching import teach_writer
from scitrain.generation.t5.tokens import learn_tokens
from scitrain.generation.t5.writer import MatT5, WriterConfig
from scitrain.runs import Run
from scitrain.workspace import Workspace

METALS, ANIONS = ("Li", "Na", "K", "Mg", "Ca", "Fe", "Co"), ("O", "S", "F", "Cl", "N", "Se")
FORMULAS = tuple(f"{metal}{n}{anion}" for metal in METALS for anion in ANIONS for n in ("", "2"))
COLUMNS = (Written(name="gap", unit="eV", number=True), Written(name="note", number=False))
SMALL = {"layers": 1, "width": 64, "heads": 2, "batch_size": 8, "device": "cpu", "precision": "32"}


def made(columns: tuple[Written, ...] = COLUMNS) -> Pairs:
    rng = np.random.default_rng(0)
    number = np.round(rng.uniform(0, 9, len(FORMULAS)), 2)
    numbers = np.column_stack([number if column.number else np.full(len(number), np.nan) for column in columns])
    words = tuple(
        tuple("" if c.number else f"a {'salt' if i % 2 else 'stone'}" for c in columns) for i in range(len(number))
    )
    facts = {"source": "made", "licence": None, "rows_read": 84, "rows_rejected": 0, "strings": 84}
    return Pairs("formula", "made", FORMULAS, columns, numbers, words, facts)


@pytest.fixture
def run(tmp_path):
    return Run.create("train_generator", {}, Workspace(tmp_path))


@pytest.fixture(scope="module")
def tokenizer():
    pairs = made()
    return learn_tokens([*FORMULAS, *(pairs.text(row) for row in range(len(FORMULAS)))])


@given(st.text(max_size=60))
def test_decoding_gives_the_very_text_back(text):
    tokenizer = learn_tokens([*FORMULAS, "a layered oxide"])
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids[1:-1]) == text.encode("utf-8", "replace").decode()
    assert (ids[0], ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)


def test_elements_and_digits_stay_apart(tokenizer):
    assert tokenizer.tokenize("LiCoO2") == ["Li", "Co", "O", "2"]
    assert tokenizer.tokenize("CoCl12")[-2:] == ["1", "2"]


def test_what_a_text_says_is_read_back():
    pairs = made()
    for row in range(len(FORMULAS)):
        told = read_back(COLUMNS, pairs.text(row))
        assert told == {"gap": float(f"{pairs.numbers[row, 0]:.4g}"), "note": pairs.words[row][1]}
    assert read_back(COLUMNS, "gap=about 3; note=x; y; gap") == {"note": "x; y; gap"}
    assert read_back(COLUMNS, "gap=1.5e-3") == {"gap": 1.5e-3}
    assert read_back(COLUMNS, "") == {}
    alone = (Written(name="note", number=False),)
    assert read_back(alone, "any; gap=3") == {"note": "any; gap=3"}
    assert made(alone).text(0) == "a stone"


def test_no_chemical_system_is_on_two_sides_and_each_row_on_one():
    parts = divided_by_system(FORMULAS, 3)
    every = np.concatenate([parts.train, parts.val, parts.test])
    assert sorted(every.tolist()) == list(range(len(FORMULAS)))
    systems = [{FORMULAS[i].replace("2", "") for i in rows} for rows in (parts.train, parts.val, parts.test)]
    assert not systems[0] & systems[1]
    assert not (systems[0] | systems[1]) & systems[2]
    assert min(len(parts.val), len(parts.test)) >= len(FORMULAS) // 20
    with pytest.raises(DataError, match="at least 30"):
        divided_by_system(FORMULAS[:20], 3)
    with pytest.raises(DataError, match="three systems"):
        divided_by_system(["NaCl"] * 40, 3)


def test_chrf_is_that_worked_by_hand():
    assert chrf("abc", "abc") == 1.0
    assert chrf("abc", "xyz") == 0.0
    assert chrf("", "abc") == 0.0
    precision, recall = 1.0, (2 / 3 + 1 / 2) / 2
    assert chrf("a b", "abc") == pytest.approx(5 * precision * recall / (4 * precision + recall))


def test_a_padded_batch_equals_the_single_row(tokenizer):
    model = build_t5(
        len(tokenizer), (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id), (2, 32, 2), 0.0, 1
    )
    config = WriterConfig(column="formula", writes=COLUMNS, length=12, rows=3)
    writer = MatT5(config, model.train(False), tokenizer)
    formulas = ["NaCl", "LiCoO2", "Mg2FeSeO12"]
    tokens = writer.ids(formulas)
    batch = padded(tokens, np.arange(3), tokenizer.pad_token_id)
    start = torch.full((1, 1), tokenizer.bos_token_id)
    with torch.no_grad():
        together = model(
            batch, attention_mask=(batch != tokenizer.pad_token_id).long(), decoder_input_ids=start.expand(3, 1)
        ).logits
        for i in range(3):
            alone = model(padded(tokens, np.array([i]), tokenizer.pad_token_id), decoder_input_ids=start).logits
            torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-4, atol=1e-4)
    assert writer.write(formulas) == [writer.write([one])[0] for one in formulas]
    assert writer.write([]) == []


def test_a_tiny_set_is_written_exactly_and_the_same_seed_gives_the_same_numbers(run, tmp_path):
    options = GeneratorOptions(family="matt5", epochs=60, patience=100, learning_rate=3e-3, **SMALL)
    pairs = made((COLUMNS[1],))
    taught = teach_writer(options, pairs, run)
    rows = taught.parts.train
    said = taught.writer.write([pairs.formulas[row] for row in rows])
    assert np.mean([text == pairs.text(row) for text, row in zip(said, rows, strict=True)]) == 1.0
    short = options.model_copy(update={"epochs": 2})
    first, again = (
        teach_writer(short, pairs, Run.create("train_generator", {}, Workspace(tmp_path / name))) for name in ("a", "b")
    )
    assert first.learned.history[-1]["train_loss"] == again.learned.history[-1]["train_loss"]
    for one, other in zip(first.writer.model.parameters(), again.writer.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_numbers_are_judged_beside_median_and_forest_and_what_cannot_be_read_counts_as_the_median():
    pairs = made()
    rows = np.arange(len(FORMULAS))
    train, test = rows[:60], rows[60:]
    truth = pairs.numbers[test, 0]
    said = [f"gap={value:.4g}; note=a salt" for value in truth]
    gap, note = judge_written(pairs, train, test, said, 0)
    assert gap["mae"]["value"] == pytest.approx(0, abs=1e-3)
    assert gap["read"]["value"] == 1
    assert set(gap["beside"]) == {"median", "random forest"}
    assert gap["gain"]["low"] > 0
    assert note["exact"]["value"] == pytest.approx(np.mean(test % 2))
    silent, _ = judge_written(pairs, train, test, ["nothing"] * len(test), 0)
    assert silent["read"]["value"] == 0
    assert silent["mae"]["value"] == silent["beside"]["median"]["value"]
