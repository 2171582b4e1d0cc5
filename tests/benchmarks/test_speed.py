"""The benchmarks of tokenizers and of pretraining on a few rows: all contestants do the same work."""

import importlib
from pathlib import Path

import pytest

from scitrain.pretraining.corpus import Wanted, read_corpus
from scitrain.pretraining.options import PretrainingOptions
from scitrain.tokenizers import encode, smiles
from scitrain.workspace import Workspace


@pytest.fixture
def benchmark_of(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    return lambda name: importlib.import_module(f"benchmarks.{name}")


def test_the_loop_by_hand_gives_the_ids_of_the_tokenizer(benchmark_of):
    tokenizers = benchmark_of("tokenizers")
    texts = ["CCO", "c1cc[nH]c1Cl", "C[C@@H](N)C(=O)[O-]", "C%10CC%10Br"]
    assert tokenizers.by_hand(texts, smiles().get_vocab()) == encode(smiles(), texts).rows()
    found = tokenizers.measured(texts, repeats=1)
    assert found["texts"] == 4
    assert set(found["wall"]["milliseconds"]) == {"bulk", "python_loop", "pretrained_tokenizer_fast"}


def test_contestants_that_disagree_are_not_measured(benchmark_of):
    with pytest.raises(SystemExit, match="disagree"):
        benchmark_of("tokenizers").measured(["CCé"], repeats=1)  # the expression passes over what it does not know


def test_both_loops_learn_the_batches_they_are_given(benchmark_of, tmp_path):
    step = benchmark_of("pretraining_step")
    (tmp_path / "g.csv").write_text(
        "formula\n" + "\n".join(f"{m}{x}2" for m in ("Li", "K", "Fe", "Mg", "Ca", "Zn") for x in "OSFN")
    )
    corpus = read_corpus(
        Wanted("g.csv", "formula", "composition", (), None, 0.3), tmp_path / "c", Workspace(tmp_path, ())
    )
    case = step.Case(corpus, PretrainingOptions(epochs=1, batch_size=8), "cpu", "32")
    found = step.measured(case, repeats=1)
    assert found["wall"]["steps_a_second_over_bare"] > 0
