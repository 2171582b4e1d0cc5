"""How many threads a step is worth."""

import pytest
import torch

from scitrain.contracts.model import InputShape
from scitrain.models import FAMILIES
from scitrain.resources import torch_threads
from scitrain.training.predictor import build_predictor
from scitrain.training.threads import GFLOP_A_THREAD, step_gflop, threads_worth


def test_the_work_of_a_step_is_counted_by_hand() -> None:
    """Linear layers of 10 × 8 and 8 × 1: 2 · 88 operations a row forward, three times that with the backward pass; two members, 50 rows."""
    network = FAMILIES["mlp"].model_validate({"widths": [8], "norm": "none"})
    predictor = build_predictor("regression", network, InputShape("vector", (10,)), 1, 2)
    assert step_gflop(predictor, 50) == pytest.approx(2 * 88 * 3 * 2 * 50 / 1e9)


@pytest.mark.parametrize(("gflop", "threads"), [(0.0, 1), (0.9, 1), (1.9, 1), (2.0, 2), (3.5, 3), (1000.0, 4)])
def test_a_thread_is_woken_for_every_so_much_work(gflop: float, threads: int) -> None:
    with torch_threads(4):
        worth, why = threads_worth(gflop * GFLOP_A_THREAD)
    assert worth == threads
    assert ("wait for each other" in why) == (threads < 4)


def test_no_more_threads_are_given_than_there_are() -> None:
    with torch_threads(1):
        assert threads_worth(1e6)[0] == 1
    assert torch.get_num_threads() >= 1
