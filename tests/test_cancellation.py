import os
import signal
import threading

import pytest

from scitrain.cancellation import cancel_on_sigterm, stops_on_sigterm
from scitrain.errors import CancelledError


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
