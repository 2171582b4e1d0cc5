"""``train_script.py``: the run again, as a plain Python script without any server."""

import pprint
from pathlib import Path

from pydantic import JsonValue

from scitrain.figures.words import one_line
from scitrain.render.facts import Facts, read_facts
from scitrain.render.markup import environment
from scitrain.runs import Run, atomic_write

__all__ = ["render_train_script"]

SCRIPT = "train_script.py"


def render_train_script(run: Run) -> Path:
    """Write a script that repeats the run through the operation's class and compares the numbers.

    Raises:
        RunStateError: The run has no ``metrics.json``.
    """
    facts = read_facts(run)
    names = {
        "run_id": facts.record.run_id,
        "operation": "".join(word.capitalize() for word in facts.record.operation.split("_")),
        "arguments": {name: _source(value) for name, value in facts.record.spec.items()},
        "recorded": _source(_recorded(facts)),
        "decisions": [_comment(f"{d.what} = {d.value}: {d.why}") for d in facts.record.decisions],
        "versions": _source(facts.record.provenance.get("packages") or {}),
    }
    return atomic_write(run.path / SCRIPT, environment().get_template("train_script.py.j2").render(names))


def _source(value: JsonValue) -> str:
    """Return a value as Python source, its further lines indented as an argument's."""
    return pprint.pformat(value, width=100, sort_dicts=False).replace("\n", "\n        ")


def _recorded(facts: Facts) -> dict[str, JsonValue]:
    """Return the recorded test metrics by name and target."""
    rows = [row for row in facts.evaluation.metrics if row.split == "test"]
    return {f"{row.name}{f' of {row.target}' if row.target else ''}": row.value for row in rows}


def _comment(text: str) -> str:
    """Return text that stays within a comment: no line ends in it."""
    return one_line(text).replace("\x85", " ")
