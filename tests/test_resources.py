import os

import pytest
import torch

from scitrain import resources
from scitrain.errors import ScitrainError


def test_cpu_count_honours_the_affinity_mask(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)))
    assert resources.cpu_count(tmp_path) == 6


@pytest.mark.parametrize(
    ("text", "expected"), [("max 100000", 6), ("200000 100000", 2), ("150000 100000", 2), ("1000 100000", 1)]
)
def test_cpu_count_honours_a_quota(monkeypatch, tmp_path, text, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)))
    (tmp_path / "cpu.max").write_text(text + "\n")
    assert resources.cpu_count(tmp_path) == expected


def test_cpu_count_honours_a_version_1_quota(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)))
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("300000")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000")
    assert resources.cpu_count(tmp_path) == 3


def test_available_memory_honours_a_control_group(tmp_path):
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert resources.available_memory(tmp_path) == 600_000
    (tmp_path / "memory.max").write_text("max\n")
    assert resources.available_memory(tmp_path) > 1_000_000


def test_a_device_is_chosen_with_its_reason(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    device, why = resources.choose_device()
    assert device == "cpu"
    assert "no GPU" in why


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ScitrainError, match="'cuda' was asked for, but torch finds only"):
        resources.choose_device("cuda")


def test_the_most_resident_memory_since_the_last_look_is_told():
    memory = resources.PeakMemory()
    before, gpu = memory.read()
    held = bytearray(256 << 20)  # far more than what other threads of a test process give back meanwhile
    held[::4096] = bytes([1]) * len(held[::4096])
    del held
    assert memory.read()[0] >= before + (128 << 20)
    assert gpu is None
    memory.reset()
    assert memory.read()[0] < before + (128 << 20)


def test_without_the_kernels_record_the_memory_of_the_moment_is_told(tmp_path):
    memory = resources.PeakMemory(process=tmp_path / "no such folder")
    assert memory.read()[0] > 1 << 20


def test_spare_memory_is_given_back_once_the_process_has_grown_by_a_quarter():
    sizes, given = iter([100, 120, 125, 126, 104, 129, 131, 131, 163, 170, 170]), []
    spare = resources.SpareMemory(lambda: next(sizes), lambda: given.append(True))
    counts = []
    for _ in range(6):
        spare.give_back()
        counts.append(len(given))
    # 100 at first; 126 is too much, and 104 is left; so is 131, of which all stays; the next limit is 163.75
    assert counts == [0, 0, 1, 1, 2, 2]
    assert resources.SpareMemory().before > 1 << 20


def test_thread_counts_are_put_back():
    before = torch.get_num_threads()
    with resources.torch_threads(1) as threads:
        assert torch.get_num_threads() == threads == 1
    assert torch.get_num_threads() == before
