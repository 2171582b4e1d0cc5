"""What is chosen for the user, and the reason given."""

import numpy as np
import pytest

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError
from scitrain.models.mlp import Mlp
from scitrain.training.auto import choose, choose_loss, choose_model
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


@pytest.mark.parametrize(
    ("modality", "rows", "family"),
    [
        ("series", 200, "mlp"),
        ("series", 30_000, "cnn1d"),
        ("sequence", 5_000, "mlp"),
        ("sequence", 60_000, "transformer"),
        ("text", 8_000, "mlp"),
        ("text", 200_000, "transformer"),
    ],
)
def test_networks_that_read_order_themselves_are_taken_where_rows_are_many(modality, rows, family):
    kinds = ["vector", "series" if modality == "series" else "tokens"]
    model, why = choose_model(modality, "regression", rows, kinds)
    assert model.family == family
    assert f"{rows} rows" in why


SERIES = InputShape("series", (1, 50))
IMAGE = InputShape("image", (1, 64, 64))


@pytest.mark.parametrize(
    ("asked", "shape", "ways"),
    [
        ("auto", SERIES, ()),
        (True, SERIES, ("noise", "shift", "scale")),
        (["noise"], SERIES, ("noise",)),
        ("auto", IMAGE, ("basic",)),
        (True, IMAGE, ("basic",)),
        (False, IMAGE, ()),
        (["flip", "mixup", "flip"], IMAGE, ("flip", "mixup")),
        (True, InputShape("vector", (4,)), ()),
    ],
)
def test_what_varies_training_rows_is_settled_and_recorded(asked, shape, ways):
    settings, decisions = choose(TrainingOptions(augment=asked), Mlp(), shape, 100)
    assert settings.augment == ways
    [said] = [decision for decision in decisions if decision.what == "augment"]
    assert said.value == (list(ways) or False)
    assert said.why


@pytest.mark.parametrize(
    ("names", "shape"), [(["flip"], SERIES), (["noise"], IMAGE), (["noise"], InputShape("tokens", (4,)))]
)
def test_a_way_that_does_not_fit_the_rows_is_refused(names, shape):
    with pytest.raises(ScitrainError, match="does not vary rows of the kind"):
        choose(TrainingOptions(augment=names), Mlp(), shape, 100)


def test_few_curves_are_learned_longer():
    curve = InputShape("vector", (20,), blocks={"values": (0, 20)})
    few, many = (choose(AUTO, Mlp(), curve, rows)[0] for rows in (150, 5_000))
    assert few.epochs > many.epochs


@pytest.mark.parametrize(("rows", "patience"), [(50, 40), (100, 20), (1000, 10)])
def test_early_stopping_waits_for_enough_steps_where_an_epoch_has_few(rows, patience):
    settings, notes = choose(AUTO, Mlp(norm="none"), InputShape("vector", (4,)), rows)
    [why] = [note.why for note in notes if note.what == "patience"]
    assert settings.patience == patience
    assert ("steps an epoch" in why) == (rows < 256)


def test_patience_that_was_asked_for_is_kept_however_few_the_rows():
    settings, notes = choose(TrainingOptions(patience=2), Mlp(), InputShape("vector", (4,)), 50)
    assert settings.patience == 2
    assert "patience" not in {note.what for note in notes}
