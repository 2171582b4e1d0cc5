import gc
import io
import sys
import threading

from scitrain.workflow.ahead import import_ahead


def wait() -> None:
    for thread in threading.enumerate():
        if thread.name == "scitrain-import":
            thread.join()


def test_modules_are_imported_and_garbage_is_collected_as_before(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # the module prints a poem
    import_ahead("this")
    wait()
    assert "this" in sys.modules
    assert gc.isenabled()


def test_a_module_that_is_not_there_is_left_to_whoever_needs_it() -> None:
    import_ahead("scitrain.nowhere")
    wait()
    assert "scitrain.nowhere" not in sys.modules
