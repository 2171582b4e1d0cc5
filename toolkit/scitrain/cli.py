"""Command line: a subcommand an operation, its flags read off the operation's fields; ``serve`` starts the server."""

import gc
import os
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from scitrain.contracts.executor import Executor
from scitrain.contracts.operation import Job, Operation, Result, reason_of
from scitrain.errors import CancelledError, ScitrainError, did_you_mean
from scitrain.executors import EXECUTORS
from scitrain.leaving import leave
from scitrain.operations import OPERATIONS
from scitrain.workspace import Workspace

__all__ = ["main", "program"]

DONE, FAILED, BAD_REQUEST, INTERRUPTED = 0, 1, 2, 130


def program() -> NoReturn:
    """Be the program ``scitrain``."""
    leave(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; returns 0 when done, 1 for a failed run, 2 for a bad request, 130 when stopped."""
    words = list(sys.argv[1:] if argv is None else argv)
    to_serve = _words_of_serve(words)
    if to_serve is not None:
        # What is imported stays: looking for garbage among it is an eighth of the start. The server enables it again.
        gc.disable()
        try:
            # By name: the server lies above the command line, and its packages are loaded only to serve.
            served: int = import_module("scitrain_server.app").main(to_serve)
        finally:
            gc.enable()
        return served
    try:
        typed = _read(words)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        done = _perform(OPERATIONS[typed.command.replace("-", "_")], typed)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough, as `head` does; what is still buffered must not be written when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (KeyboardInterrupt, CancelledError):
        return _complain("stopped; resume_run goes on from the last checkpoint where there is one", INTERRUPTED)
    return done


def _words_of_serve(words: Sequence[str]) -> list[str] | None:
    """Return the options of ``serve``, those before the word included; None where another command is meant."""
    at = 0
    while words[at : at + 1] and words[at].startswith("--"):
        at += 2 if words[at] == "--workspace" else 1
    return [*words[:at], *words[at + 1 :]] if words[at : at + 1] == ["serve"] else None


def _perform(operation: type[Operation], typed: Namespace) -> int:
    """Validate the request, run it, show the result."""
    from scitrain.flags import arguments
    from scitrain.request import parse

    try:
        request = parse(operation, arguments(operation, typed))
        workspace = _workspace(typed)
        if isinstance(request, Job):
            return _run_job(request, workspace, typed)
        _show(request.run(workspace), typed)
    except (CancelledError, BrokenPipeError):
        raise
    except ScitrainError as error:
        return _complain(error, BAD_REQUEST)
    except OSError as error:
        return _complain(f"the workspace or a file cannot be used: {error}", FAILED)
    return DONE


def _run_job(job: Job, workspace: Workspace, typed: Namespace) -> int:
    """Run a job here with a progress bar, or hand it to a process of its own."""
    elsewhere = _executor(typed)
    if elsewhere is not None:
        _show(job.start(workspace, elsewhere), typed)
        return DONE
    from scitrain.console import show_progress

    run = job.create(workspace)
    try:
        with show_progress() as draw:
            run.on_progress = draw
            result = job.execute_recorded(run)
    except (CancelledError, BrokenPipeError):
        raise
    except ScitrainError as error:
        return _complain(f"{run.id} failed: {error}", FAILED)
    except OSError as error:
        return _complain(f"{run.id} failed: {reason_of(error)}", FAILED)
    _show(result, typed, run.path)
    return DONE


def _executor(typed: Namespace) -> Executor | None:
    """Return what executes the run elsewhere; None where it is done here."""
    name = "local" if typed.background and typed.executor is None else typed.executor
    if name in (None, "inline"):
        return None
    from scitrain.flags import arguments

    executor = EXECUTORS[name]
    given = {} if executor.options_type is None else arguments(executor.options_type, typed, (name,))
    return executor.configured(given)


def _show(result: Result, typed: Namespace, folder: Path | None = None) -> None:
    if typed.json:
        print(result.model_dump_json(indent=2))
        return
    from scitrain.console import show_result

    show_result(result, folder)


def _complain(message: object, code: int) -> int:
    print(message, file=sys.stderr)
    return code


def _workspace(typed: Namespace) -> Workspace:
    found = Workspace.from_environment()
    return found if typed.workspace is None else Workspace(typed.workspace.expanduser().resolve(), found.data_roots)


def _read(words: Sequence[str]) -> Namespace:
    """Parse; the command's own parser complains of an unknown option, because it knows the near one."""
    parser, children = _parser(words)
    typed, unknown = parser.parse_known_args(words)
    if unknown:
        children[typed.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    return typed


class _Parser(ArgumentParser):
    """A parser that names the nearest option or command when one is misspelt."""

    def error(self, message: str) -> NoReturn:
        is_command = "invalid choice" in message
        known = _commands() if is_command else list(self._option_string_actions)
        # argparse lists every command behind what was typed; a word that is known is not what was misspelt.
        typed = message.partition(" (choose from")[0].split()
        words = [word.strip("',:").split("=")[0] for word in typed if is_command or word.startswith("--")]
        near = next((hint for word in words if word not in known and (hint := did_you_mean(word, known))), "")
        super().error(f"{message}; {near.strip()}" if near else message)


def _commands() -> list[str]:
    return [*(name.replace("_", "-") for name in OPERATIONS), "serve"]


def _parser(words: Sequence[str]) -> tuple[ArgumentParser, dict[str, ArgumentParser]]:
    """Build the parser and those of the commands; only the command that is named gets its flags: a start is quick."""
    parser = _Parser(
        prog="scitrain", description="Train, judge, explain and export models of scientific data.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"scitrain {version('scitrain')}")
    _common(parser, first=True)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    children: dict[str, ArgumentParser] = {}
    for name, operation in OPERATIONS.items():
        command = name.replace("_", "-")
        text = operation.__doc__ or ""
        child = commands.add_parser(command, help=text.split("\n")[0], description=text, allow_abbrev=False)
        children[command] = child
        if command in words:
            from scitrain.flags import add_flags

            add_flags(child, operation)
            _common(child, background=issubclass(operation, Job))
            for executor in EXECUTORS.values():
                if issubclass(operation, Job) and executor.options_type is not None and executor.name in words:
                    add_flags(child, executor.options_type, (executor.name,))
    commands.add_parser("serve", help="Serve the tools to an assistant over MCP (stdio, or --http).")
    return parser, children


def _common(parser: ArgumentParser, first: bool = False, background: bool = False) -> None:
    """Add the options every command has; they may stand before the command or after it."""
    # After the command an option that is not typed must not undo one typed before it.
    group = parser.add_argument_group("for every command", argument_default=None if first else SUPPRESS)
    group.add_argument("--json", action="store_const", const=True, help="print the result as JSON and nothing else")
    group.add_argument("--workspace", type=Path, metavar="FOLDER", help="folder of runs and data sets")
    if first:
        parser.set_defaults(background=False, executor=None)
    if background:
        help_text = "work in a process of its own and answer at once"
        group.add_argument("--background", action="store_const", const=True, help=help_text)
        how = "what executes it (default: inline, here; local is --background); with slurm or torchrun, --help tells their options"
        group.add_argument("--executor", choices=sorted(EXECUTORS), help=how)
