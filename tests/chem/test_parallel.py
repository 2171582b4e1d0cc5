import os
import signal
import subprocess
import sys
import time
from functools import partial
from operator import pow as power
from pathlib import Path

import psutil
import pytest

from scitrain.chem import parallel
from scitrain.chem.molecule_features import featurise
from scitrain.chem.parallel import HelperError, beside, parallel_map

ITEMS = list(range(100))


@pytest.mark.parametrize("items", [[], [3], ITEMS])
@pytest.mark.parametrize("chunk", [None, 1, 7])
def test_results_are_those_of_a_plain_loop_in_the_same_order(items, chunk):
    assert parallel_map(abs, [-i for i in items], chunk=chunk) == items


def test_results_of_helpers_come_in_the_order_of_the_items():
    assert parallel_map(abs, [-i for i in ITEMS], processes=2, chunk=3) == ITEMS


def test_work_is_done_by_other_processes():
    found = parallel_map(os.path.realpath, ["/proc/self"] * 40, processes=2, chunk=2)
    assert str(Path("/proc/self").resolve()) in found[:2]
    assert len(set(found)) > 1


def test_small_work_stays_in_this_process(monkeypatch):
    monkeypatch.setattr(parallel, "_start", lambda count: pytest.fail("no helper was needed"))
    assert parallel_map(str, ITEMS) == [str(i) for i in ITEMS]


def test_progress_ends_at_the_number_of_items():
    seen = []
    parallel_map(str, ITEMS, lambda done, total: seen.append((done, total)), chunk=30, processes=2)
    assert seen == [(30, 100), (60, 100), (90, 100), (100, 100)]


def test_where_no_helper_can_be_started_this_process_does_the_work(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert parallel_map(str, ITEMS, processes=2, chunk=5) == [str(i) for i in ITEMS]


def test_a_python_that_cannot_find_the_package_leaves_the_work_to_this_process(monkeypatch):
    monkeypatch.setattr(parallel, "START", "raise SystemExit(1)")
    assert parallel_map(str, ITEMS, processes=2, chunk=5) == [str(i) for i in ITEMS]


def test_an_error_in_a_helper_comes_out_here(capfd):
    with pytest.raises(ZeroDivisionError):
        parallel_map(partial(power, 0), [1, 1, 1, 1, -1, 1], processes=2, chunk=1)


def test_a_killed_helper_says_so():
    # the first chunk is done in this process, where signal 0 does nothing
    with pytest.raises(HelperError, match=r"signal 9 .* memory"):
        parallel_map(signal.raise_signal, [0, 9, 9, 9], processes=2, chunk=1)


def test_features_from_helpers_equal_those_from_this_process():
    options = {"output": "vector", "columns": ["smiles"], "radius": 2, "bits": 64}
    parts = [{"smiles": [smiles]} for smiles in ("CCO", "c1ccccc1", "CC(=O)[O-].[Na+]", "C1CC")]
    work = partial(featurise, options=options)
    serial, helped = (parallel_map(work, parts, chunk=1, processes=processes) for processes in (1, 2))
    assert [errors for _, errors in serial] == [errors for _, errors in helped]
    assert all((a == b).all() for (a, _), (b, _) in zip(serial, helped, strict=True))


def test_a_script_without_a_main_guard_runs_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from scitrain.chem.parallel import parallel_map\n"
        "print('started')\n"
        "def own(item):\n    return item + 1\n"
        "print(sum(parallel_map(abs, range(-9, 0), processes=2, chunk=1)))\n"
        "print(sum(parallel_map(own, range(9), processes=2, chunk=1)))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("started\n45\n45\n", "")


def test_helpers_end_with_a_parent_that_is_killed(tmp_path):
    code = (
        "import os\nfrom scitrain.chem.parallel import _start\n"
        "print(*[helper.pid for helper in _start(2)], flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -9
    pids = [int(pid) for pid in done.stdout.split()]
    # the pipe that `subprocess.run` reads to its end is held open by no helper: they have ended or never had it
    assert len(pids) == 2


def test_work_beside_gives_what_the_function_gives_and_is_done_elsewhere():
    with beside(os.path.realpath, "/proc/self") as answer:
        assert answer() != os.path.realpath("/proc/self")
    with beside(abs, -3) as answer:
        assert answer() == 3


def test_an_error_beside_comes_out_where_the_answer_is_asked_for(capfd):
    with beside(partial(power, 0), -1) as answer, pytest.raises(ZeroDivisionError):
        answer()


def test_what_is_still_going_on_beside_ends_with_the_block():
    others = set(psutil.Process().children())  # of earlier tests, that ended and were not asked how
    with pytest.raises(KeyError), beside(time.sleep, 3600.0):
        raise KeyError
    assert not set(psutil.Process().children()) - others


def test_where_no_process_can_be_started_beside_the_answer_is_worked_out_here(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with beside(abs, -3) as answer:
        assert answer() == 3
