import signal
import sys

import pytest

from scitrain.training.interrupting import interruptible


def lightning_stops():
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(1)


def test_ctrl_c_while_training_arrives_as_itself_and_works_a_second_time():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible():
        lightning_stops()
    assert signal.getsignal(signal.SIGINT) is before


def test_an_exit_that_nobody_pressed_stays_an_exit():
    with pytest.raises(SystemExit), interruptible():
        sys.exit(3)
