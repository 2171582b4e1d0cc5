"""Folders that ship with the package but hold no Python: templates and skills."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2

__all__ = ["shipped", "template"]


def shipped(name: str) -> Path:
    """Return the folder ``templates`` or ``skills``: inside an installed package, else beside the sources of a checkout."""
    package = Path(__file__).parent
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parents[1] / name


def template(name: str) -> "jinja2.Template":
    """Return the template ``templates/NAME.j2`` of a file that is no HTML; a missing word fails.

    Filters: ``literal`` for Python source, ``prose`` for docstrings and comments, ``shell`` for a word of a shell command,
    ``directive`` for a value behind ``#SBATCH``, ``cpp`` for a C++ string.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(shipped("templates")),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {
        "literal": repr,
        "prose": _prose,
        "shell": shlex.quote,
        "directive": _directive,
        "cpp": _cpp,
    }
    return environment.get_template(f"{name}.j2")


def _prose(text: str) -> str:
    """Make any column name harmless inside a docstring."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())


def _directive(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if any(c in text for c in " \t'\"\\") else text


def _cpp(text: str) -> str:
    """Spell a string for C++ with every byte that could mean something else as three octal digits."""
    plain = [chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode()]
    return f'"{"".join(plain)}"'
