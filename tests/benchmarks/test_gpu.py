"""The benchmark of GPUs, as far as it goes without one."""

import importlib
from pathlib import Path

import pytest
import torch

from scitrain.contracts.model import InputShape
from scitrain.models.transformer import Transformer


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    return importlib.import_module("benchmarks.gpu")


def test_without_a_gpu_it_says_so_and_measures_nothing(gpu, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = (Path(__file__).parents[2] / "benchmarks/results/gpu.json").exists()
    assert gpu.main([]) == {}
    assert "no CUDA device is found" in capsys.readouterr().err
    assert (Path(__file__).parents[2] / "benchmarks/results/gpu.json").exists() == before


def test_both_loops_train_what_they_are_given(gpu):
    case = gpu.Case(Transformer(width=8, depth=1, heads=2), InputShape("tokens", (6,), vocabulary=5), batch=4)
    assert gpu.by_hand(case, steps=2, device="cpu", compiled=False) > 0
    speed, chosen = gpu.by_us(case, steps=3, device="cpu", compiled=False)
    assert speed > 0
    assert chosen["batch_size"] == 4


def test_the_peak_is_that_of_the_named_gpu(gpu):
    assert gpu.peak_tflops("NVIDIA H100 80GB HBM3") == 989
    assert gpu.peak_tflops("NVIDIA H100 PCIe") == 756
    assert gpu.peak_tflops("NVIDIA A100-SXM4-80GB") == 312
    assert gpu.peak_tflops("an unknown one") is None


def test_the_transformer_has_a_hundred_million_parameters_and_its_work_is_that_of_its_layers(gpu):
    case = gpu.CASES["transformer_100m"]
    with torch.device("meta"):
        member = gpu.build_member(case.model, case.shape, case.classes)
    assert 95e6 < sum(p.numel() for p in member.parameters()) < 105e6
