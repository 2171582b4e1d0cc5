"""What is chosen for the user, and the reason given."""

import numpy as np
import pytest

from scitrain.training.auto import choose_loss, choose_model
from scitrain.training.options import TrainingOptions

AUTO = TrainingOptions()


def column(*values):
    return np.array(values, np.float32)[:, None]


def test_labels_without_a_spike_take_the_squared_error():
    assert choose_loss(AUTO, "regression", np.arange(100, dtype=np.float32)[:, None])[0] == "mse"


def test_a_spike_at_one_value_takes_the_huber_loss_and_says_so():
    kind, why = choose_loss(AUTO, "regression", column(*[0.0] * 30, *range(1, 71)))
    assert kind == "huber"
    assert "30%" in why


def test_the_loss_that_was_asked_for_is_taken():
    asked = TrainingOptions(loss="mse")
    assert choose_loss(asked, "regression", column(*[0.0] * 50, *range(50))) == ("mse", "asked for")


def test_missing_labels_form_no_spike():
    assert choose_loss(AUTO, "regression", column(*[np.nan] * 50, *range(50)))[0] == "mse"
    assert choose_loss(AUTO, "regression", column(*[np.nan] * 3))[0] == "mse"


def test_classes_have_no_choice_of_loss():
    assert choose_loss(AUTO, "binary", column(0, 1)) is None


@pytest.mark.parametrize(("modality", "norm"), [("smiles", "batch"), ("formula", "none"), ("tabular", "none")])
def test_only_sparse_counts_get_batch_norm(modality, norm):
    model, why = choose_model(modality, "regression", 100, ["vector"])
    assert model.model_dump()["norm"] == norm
    assert why
