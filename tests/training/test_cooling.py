import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch.nn.functional import cross_entropy

from scitrain.training.cooling import cooled


def log_loss(logits: torch.Tensor, labels: torch.Tensor) -> list[float]:
    return [float(cross_entropy(one, own)) for one, own in zip(logits, labels, strict=True)]


@pytest.fixture
def said() -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits (3 members, 200 rows, 4 classes) that are unsure, right, and far too sure, with labels."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (200,), generator=rng).expand(3, 200)
    logits = torch.randn(3, 200, 4, generator=rng) + torch.nn.functional.one_hot(labels, 4)
    return logits * torch.tensor([0.2, 1.0, 4.0])[:, None, None], labels


def least_loss(logits: torch.Tensor, labels: torch.Tensor) -> float:
    def loss(log_cold: float) -> float:
        return float(cross_entropy(logits * float(np.exp(log_cold)), labels))

    return float(minimize_scalar(loss, bounds=(-3, 3), method="bounded").fun)


def test_no_temperature_leaves_a_smaller_loss(said):
    logits, labels = said
    least = [least_loss(one, own) for one, own in zip(logits, labels, strict=True)]
    assert log_loss(cooled(logits, labels), labels) == pytest.approx(least, abs=1e-5)


def test_how_sure_a_network_is_makes_no_difference(said):
    logits, labels = said
    assert log_loss(cooled(2 * logits, labels), labels) == pytest.approx(
        log_loss(cooled(logits, labels), labels), abs=1e-5
    )


def test_two_classes_may_be_one_logit(said):
    logits, labels = said[0][..., :1], (said[1] == 0).long()
    both = torch.cat([torch.zeros_like(logits), logits], -1)
    one = cooled(logits, labels[..., None].float())
    torch.testing.assert_close(one, cooled(both, labels)[..., 1:])


def test_a_network_that_is_always_right_or_always_wrong_gives_finite_logits():
    labels = torch.tensor([[0, 1, 0, 1]])
    right = torch.nn.functional.one_hot(labels, 2).float()
    assert torch.isfinite(cooled(torch.stack([right[0], 1 - right[0], torch.zeros(4, 2)]), labels.expand(3, 4))).all()
