"""Put untrusted words into Markdown and HTML: a data set may be named ``<script>``, a label may hold a pipe."""

import json
import re
from pathlib import Path

import jinja2

import scitrain
from scitrain.figures.words import one_line

__all__ = ["environment", "fence", "markdown", "templates_folder", "value_words"]

SPECIAL = re.compile(r"([\\`*\[\]|~$#])")
"""Characters with a meaning somewhere in Markdown text; a dollar starts a formula on some sites."""
UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""An underscore at the edge of a word; one inside, as in a column name, is left readable."""
START = re.compile(r"^([-+>]|\d+(?=[.)]))")
LINK = re.compile(r"(?i)\b(https?|ftp|mailto)(:)|\b(www)(\.)")
"""What GitHub would make a link of."""


def templates_folder() -> Path:
    """Return the folder of the templates: inside an installed wheel, else beside the source roots."""
    package = Path(scitrain.__file__).parent
    installed = package / "_data" / "templates"
    return installed if installed.is_dir() else package.parents[1] / "templates"


def environment() -> jinja2.Environment:
    """Return the environment of all pages: HTML is escaped, and what is missing fails."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder()),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"md": markdown, "fence": fence, "literal": repr}
    return made


def markdown(text: object) -> str:
    """Return text that Markdown shows as it is, in a paragraph or in a cell of a table: one line, nothing has a meaning."""
    line = one_line(str(text)).replace("&", "&amp;").replace("<", "&lt;")
    line = START.sub(lambda found: "\\" + found[1] if not found[1].isdigit() else found[1] + "\u2060", line)
    line = UNDERSCORE.sub(r"\\_", SPECIAL.sub(r"\\\1", line))
    return LINK.sub(lambda found: f"{found[1] or found[3]}&#{ord(found[2] or found[4])};", line.replace(">", "&gt;"))


def fence(text: str, language: str = "") -> str:
    """Return a block of code whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def value_words(value: object) -> str:
    """Return a JSON value as a person reads it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(value_words, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {value_words(item)}" for key, item in value.items()) or "none"
    return json.dumps(value, ensure_ascii=False, default=str)
