import fcntl
import os
import threading

import pytest

from scitrain.errors import ScitrainError
from scitrain.locks import Lock, announced, is_held


def test_a_lock_is_held_by_one_open_file_until_it_is_released(tmp_path):
    path = tmp_path / "a.lock"
    assert not is_held(path)
    lock = Lock.take(path)
    assert lock is not None
    assert is_held(path)
    assert Lock.take(path) is None
    lock.release()
    lock.release()
    assert not is_held(path)
    assert Lock.take(path) is not None


def test_a_copy_that_was_passed_on_holds_the_lock_when_the_first_is_released(tmp_path):
    path = tmp_path / "a.lock"
    lock = Lock.take(path)
    assert lock is not None
    passed_on = Lock.inherited(path, os.dup(lock.handle))
    lock.release()
    assert is_held(path)
    assert not os.get_inheritable(passed_on.handle)
    passed_on.release()
    assert not is_held(path)


def test_taking_succeeds_however_often_others_look(tmp_path):
    path, stop = tmp_path / "a.lock", threading.Event()

    def look():
        while not stop.is_set():
            is_held(path)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(200):
            lock = Lock.take(path)
            assert lock is not None
            lock.release()
    finally:
        stop.set()
        for looker in lookers:
            looker.join()


def test_of_two_who_take_at_once_one_has_it(tmp_path):
    path, taken = tmp_path / "a.lock", []
    barrier = threading.Barrier(4)

    def take():
        barrier.wait()
        taken.append(Lock.take(path))

    takers = [threading.Thread(target=take) for _ in range(4)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert sum(lock is not None for lock in taken) == 1


def test_the_announced_process_is_the_last_one_said(tmp_path):
    path = tmp_path / "a.lock"
    assert announced(path) is None
    lock = Lock.take(path)
    assert lock is not None
    assert announced(path) is None
    lock.announce(123456)
    lock.announce(42)
    assert announced(path) == 42
    lock.announce(None)
    assert announced(path) is None


def test_a_process_of_another_machine_or_container_has_no_number_here(tmp_path, monkeypatch):
    lock = Lock.take(tmp_path / "a.lock")
    assert lock is not None
    with monkeypatch.context() as patch:
        patch.setattr("platform.node", lambda: "elsewhere")
        lock.announce(42)
    assert announced(lock.path) is None


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ScitrainError, match=f"file system of {tmp_path} has no file locks.*local disk"):
        Lock.take(tmp_path / "a.lock")
