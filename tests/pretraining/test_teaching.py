"""What a pretraining does where memory runs out."""

import pytest
import torch

from scitrain.errors import ScitrainError
from scitrain.pretraining import teaching
from scitrain.pretraining.corpus import Wanted, read_corpus
from scitrain.pretraining.lesson import PretrainingLesson
from scitrain.pretraining.options import PretrainingOptions
from scitrain.runs import Run
from scitrain.workspace import Workspace

OPTIONS = PretrainingOptions(epochs=1, batch_size=8, device="cpu")


@pytest.fixture
def place(tmp_path):
    (tmp_path / "m.csv").write_text("smiles\n" + "\n".join("C" * n + end for n in range(1, 20) for end in "NO") + "\n")
    return Workspace(tmp_path, ())


@pytest.fixture
def corpus(place, tmp_path):
    return read_corpus(Wanted("m.csv", "smiles", "smiles", (), None, 0.2), tmp_path / "c", place)


def short_of_memory(monkeypatch, suffices):
    original = PretrainingLesson.loss

    def loss(self, batch):
        if not suffices(self.network.body.is_activation_checkpointing):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(self, batch)

    monkeypatch.setattr(PretrainingLesson, "loss", loss)


def test_where_memory_runs_out_activations_are_computed_twice_and_the_weights_are_the_same(corpus, place, monkeypatch):
    plain, expected = teaching.teach(corpus, OPTIONS, Run.create("pretrain_transformer", {}, place))
    short_of_memory(monkeypatch, lambda recomputes: recomputes)
    run = Run.create("pretrain_transformer", {}, place)
    network, learned = teaching.teach(corpus, OPTIONS, run)
    decided = {one.what: one for one in run.record().decisions}
    assert decided["gradient_checkpointing"].value is True
    assert "8" in decided["gradient_checkpointing"].why
    assert learned.best_loss == pytest.approx(expected.best_loss, rel=1e-3)
    for one, other in zip(network.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-2)


def test_where_that_does_not_help_a_smaller_batch_is_asked_for(corpus, place, monkeypatch):
    short_of_memory(monkeypatch, lambda recomputes: False)
    with pytest.raises(ScitrainError, match="batch_size=4"):
        teaching.teach(corpus, OPTIONS, Run.create("pretrain_transformer", {}, place))


def test_another_mistake_is_not_taken_for_a_lack_of_memory(corpus, place, monkeypatch):
    def wrong(self, batch):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(PretrainingLesson, "loss", wrong)
    with pytest.raises(RuntimeError, match="shapes"):
        teaching.teach(corpus, OPTIONS, Run.create("pretrain_transformer", {}, place))


def test_next_tokens_are_learned_from_those_before_them(corpus, place):
    """After C comes C, N, O or the end: far fewer than the vocabulary has."""
    asked = OPTIONS.model_copy(update={"objectives": {"causal": 1.0}, "epochs": 12, "learning_rate": 3e-3})
    _, learned = teaching.teach(corpus, asked, Run.create("pretrain_transformer", {}, place))
    losses = [float(str(row["val_causal"])) for row in learned.history]
    assert losses[-1] < 0.9 < 2 < losses[0]
