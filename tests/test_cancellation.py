import contextlib
import os
import signal
import threading

import pytest

from scitrain.cancellation import cancel_on_sigterm, stop_if_asked, stops_on_sigterm
from scitrain.errors import CancelledError
from scitrain.runs import Run


def test_sigterm_becomes_an_exception_and_afterwards_is_itself_again():
    with pytest.raises(CancelledError), cancel_on_sigterm(), cancel_on_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_programs_own_handler_is_left_alone(monkeypatch):
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("own"))
    try:
        assert not stops_on_sigterm()
        with cancel_on_sigterm():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == ["own"]


def test_another_thread_changes_no_handler():
    seen = []

    def work():
        with cancel_on_sigterm():
            seen.append((stops_on_sigterm(), signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, signal.SIG_DFL)]


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGTERM, CancelledError), (signal.SIGINT, KeyboardInterrupt)], ids=["TERM", "Ctrl-C"]
)
def test_a_stop_that_a_library_swallowed_comes_with_the_next_progress(workspace, number, raised):
    run = Run.create("train_model", {}, workspace)
    with cancel_on_sigterm():
        with contextlib.suppress(BaseException):
            os.kill(os.getpid(), number)
        with pytest.raises(raised):
            run.progress("train", 1, 2)
    run.progress("train", 2, 2)
    run.release()


def test_ctrl_c_is_pythons_own_again_afterwards():
    with cancel_on_sigterm(), cancel_on_sigterm():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    stop_if_asked()
