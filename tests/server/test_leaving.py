"""A client that leaves in the middle."""

import pytest

from scitrain_server import app


def raising(error):
    """Return what stands in for the server's loop, and ends as the SDK's task group does where a write fails."""

    def run(server, transport):
        raise ExceptionGroup("unhandled errors in a TaskGroup", [error])

    return run


def test_a_client_that_is_gone_ends_the_server_without_a_traceback(monkeypatch, workspace, capsys):
    monkeypatch.setattr(app.Application, "run", raising(BrokenPipeError("Broken pipe")))
    assert app.main(["--workspace", str(workspace.root)]) == 0
    assert capsys.readouterr().err == "the client is gone; background runs go on\n"


def test_any_other_failure_of_the_loop_is_not_hidden(monkeypatch, workspace):
    monkeypatch.setattr(app.Application, "run", raising(ValueError("a mistake of ours")))
    with pytest.raises(ExceptionGroup):
        app.main(["--workspace", str(workspace.root)])
