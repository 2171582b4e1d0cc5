import pytest

from scitrain.errors import ScitrainError
from scitrain.executors import _queue, local
from scitrain.executors._queue import Slot, enqueue, leave, slot, slot_count
from scitrain.reconcile import reconcile
from scitrain.runs import Run


@pytest.fixture
def machine(monkeypatch):
    def make(cpus: int, gpus: tuple[str, ...] = ()) -> None:
        monkeypatch.delenv("SCITRAIN_SLOTS", raising=False)
        monkeypatch.setattr(_queue, "cpus", lambda: cpus)
        monkeypatch.setattr(_queue, "gpus", lambda: gpus)
        monkeypatch.setattr(_queue.sys, "platform", "linux")

    return make


@pytest.mark.parametrize(
    ("cpus", "gpus", "slots", "why"),
    [
        (1, (), 1, "one run at a time on 1 CPUs"),
        (2, (), 1, "2 CPUs"),
        (16, (), 4, "every 4 of 16 CPUs"),
        (16, ("0",), 1, "each of 1 GPUs"),
        (64, tuple("01234567"), 8, "each of 8 GPUs"),
    ],
)
def test_the_machine_decides_how_many_runs_work_at_once(machine, cpus, gpus, slots, why):
    machine(cpus, gpus)
    assert slot_count()[0] == slots
    assert why in slot_count()[1]


def test_the_user_can_decide_instead(machine, monkeypatch):
    machine(64)
    monkeypatch.setenv("SCITRAIN_SLOTS", "3")
    assert slot_count() == (3, "SCITRAIN_SLOTS=3")


@pytest.mark.parametrize("bad", ["0", "-1", "many", "1.5"])
def test_a_nonsensical_number_of_slots_is_refused(monkeypatch, bad):
    monkeypatch.setenv("SCITRAIN_SLOTS", bad)
    with pytest.raises(ScitrainError, match="whole number from 1"):
        slot_count()


def test_gpus_are_divided_among_the_slots_without_overlap(machine, monkeypatch):
    machine(16, ("0", "1", "2", "3"))
    monkeypatch.setenv("SCITRAIN_SLOTS", "2")
    seen = [_queue._slot(i).environment()["CUDA_VISIBLE_DEVICES"] for i in range(2)]
    assert seen == ["0,2", "1,3"]


def test_one_slot_has_the_whole_machine(machine, monkeypatch):
    machine(16, ("0", "1"))
    monkeypatch.setenv("SCITRAIN_SLOTS", "1")
    assert _queue._slot(0).environment() == {}


def test_threads_are_shared_out_unless_the_user_said_otherwise(machine, monkeypatch, workspace):
    machine(16)
    run = Run.create("a", {}, workspace)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert local._environment(run)["OMP_NUM_THREADS"] == "4"
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert local._environment(run)["OMP_NUM_THREADS"] == "2"
    monkeypatch.delenv("OMP_NUM_THREADS")
    machine(4)
    assert "OMP_NUM_THREADS" not in local._environment(run)


def test_visible_devices_are_what_cuda_would_see(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert _queue.gpus() == ("2", "3")
    for none in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        assert _queue.gpus() == ()


def test_a_dead_runs_ticket_holds_nobody_up(workspace):
    dead, gone, live = (Run.create("a", {}, workspace) for _ in range(3))
    for run in (dead, gone, live):
        enqueue(run)
    dead.release()
    (gone.path / "run.json").unlink()
    with slot(live) as share:
        assert share == Slot(0, 1, "SCITRAIN_SLOTS=1", None, ())
        assert not any("-a-" in ticket.name for ticket in (workspace.root / "queue").iterdir())
    assert sorted(path.name for path in (workspace.root / "queue").iterdir()) == ["slot-0.lock"]


def test_a_run_that_was_lost_while_it_waited_leaves_no_ticket_behind(workspace):
    lost = Run.create("a", {}, workspace, executor="local")
    enqueue(lost)
    lost.release()
    assert reconcile(workspace) == [lost.id]
    lost.requeue("inline")
    later = Run.create("a", {}, workspace)
    enqueue(later)
    assert _queue._ahead(later) == 0


def test_those_who_wait_know_how_many_stand_before_them(workspace):
    runs = [Run.create("a", {}, workspace) for _ in range(3)]
    for run in runs:
        enqueue(run)
    assert [_queue._ahead(run) for run in runs] == [0, 1, 2]
    leave(runs[0])
    assert [_queue._ahead(run) for run in runs[1:]] == [0, 1]


def test_a_slot_is_free_again_when_its_run_has_ended(workspace):
    first, second = (Run.create("a", {}, workspace) for _ in range(2))
    for run in (first, second):
        enqueue(run)
        with slot(run) as share:
            assert share.index == 0
