"""The bottleneck is the part that takes most, and the advice is what would change that."""

import re
from dataclasses import replace

import pytest

from scitrain.profiling.bottleneck import Setting, of_prediction, of_training, prediction_shares, training_shares
from scitrain.profiling.timing import Timing

CPU = Setting("cpu", 5, "32", compiled=False, resident=True, augment=())


def timing(rows, **parts):
    whole = sum(parts.values()) / 1000
    return Timing.of(rows, [whole], {name: value / 1000 for name, value in parts.items()}, (0.0, None))


def call(features, network, judging, copy=0):
    return {"features": features, "network": network, "judging": judging, "copy": copy}


def step(data, forward, backward, optimiser, copy=0):
    return {"data": data, "forward": forward, "backward": backward, "optimiser": optimiser, "copy": copy}


def predicted(one, many, **others):
    runs = {"torch": [timing(1, **one), timing(100, **many)]} | others
    return of_prediction("one row", runs["torch"][0], runs, "torch", CPU)


def trained(whole, few, setting=CPU):
    return of_training(timing(64, **whole), timing(2, **few), setting)


def test_what_a_pass_takes_beyond_the_work_of_its_rows_is_overhead():
    shares = prediction_shares(
        timing(1, features=1, network=5, judging=2), timing(100, features=9, network=50, judging=3)
    )
    assert shares == {"data": 1, "copy": 0, "compute": 0.5, "overhead": 4.5, "judging": 2}


def test_the_work_of_two_rows_is_taken_for_what_a_step_costs_anyway():
    whole = timing(64, data=1, forward=6, backward=4, optimiser=2)
    assert training_shares(whole, timing(2, forward=1, backward=2, data=1, optimiser=2)) == {
        "data": 1, "copy": 0, "compute": 7, "overhead": 3, "optimiser": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("one", "many", "part", "advice"),
    [
        (call(9, 1, 0), call(900, 90, 1), "data", "a faster network would save 10% at most"),
        (call(9, 1, 0), call(90, 90, 1), "data", r"send rows together \(0.9 ms a row where 100"),
        (call(0, 9, 1), call(1, 900, 1), "compute", "ensemble=1 has a 5th of the work, a GPU"),
        (call(0, 9, 1), call(1, 10, 1), "overhead", "send rows together: 100 in one call take 0.12 ms each, one by one 10 ms; export"),
        (call(1, 1, 8), call(1, 10, 9), "judging", "send rows together: 100"),
        (call(0, 1, 1, copy=8), call(1, 10, 1, copy=8), "copy", "predict on the CPU"),
    ],
)  # fmt: skip
def test_the_largest_part_of_a_prediction_is_named_with_what_helps(one, many, part, advice):
    found = predicted(one, many)
    assert found.part == part
    assert_said(advice, found)


def assert_said(pattern, found):
    assert re.search(pattern, found.advice), found.advice


def test_a_faster_backend_is_told_with_its_measured_time():
    onnx = [timing(1, features=0, network=2, judging=1), timing(100, features=1, network=100, judging=1)]
    one, many = call(0, 9, 1), call(1, 900, 1)
    assert_said(r"onnx takes 0.22 × the time", predicted(one, many, onnx=onnx))
    many = call(1, 10, 1)
    assert_said(r"backend 'onnx' takes 3 ms", predicted(one, many, onnx=onnx))


@pytest.mark.parametrize(
    ("whole", "few", "changed", "part", "advice"),
    [
        (step(9, 1, 1, 1), step(0, 1, 1, 0), {}, "data", "a larger batch_size"),
        (step(9, 1, 1, 1), step(0, 1, 1, 0), {"resident": False}, "data", "read from disk"),
        (step(9, 1, 1, 1), step(0, 1, 1, 0), {"augment": ("flip",)}, "data", r"varying the rows \(flip\)"),
        (step(1, 1, 1, 1, copy=9), step(0, 1, 1, 0), {}, "copy", "max_rows"),
        (step(1, 9, 9, 1), step(0, 1, 1, 0), {}, "compute", "a GPU"),
        (step(1, 9, 9, 1), step(0, 1, 1, 0), {"device": "cuda"}, "compute", "precision='bf16', compile=true"),
        (step(1, 9, 9, 1), step(0, 1, 1, 0), {"device": "cuda", "precision": "bf16", "compiled": True}, "compute", "^a smaller network$"),
        (step(1, 9, 9, 1), step(0, 8, 9, 0), {}, "overhead", "a step of 2 rows takes 17 ms, one of 64 rows 20 ms, or compile=true"),
        (step(1, 2, 2, 9), step(0, 1, 1, 0), {}, "optimiser", r"batch_size \(now 64\)"),
    ],
)  # fmt: skip
def test_the_largest_part_of_a_training_step_is_named_with_what_helps(whole, few, changed, part, advice):
    found = trained(whole, few, replace(CPU, **changed))
    assert found.part == part
    assert_said(advice, found)
    assert 0 < found.share <= 1
    assert found.words().startswith(f"training step: {part} takes ")
