"""Put untrusted words into Markdown and HTML: a data set may be named ``<script>``, a label may hold a pipe."""

import re
import shlex

import jinja2

from scitrain.figures.words import one_line
from scitrain.shipped import shipped

__all__ = ["environment", "fence", "markdown", "value_words"]

SPECIAL = re.compile(r"([\\`*|~$]|\](?=[(\[:]))")
"""Characters with a meaning somewhere in Markdown text; a dollar starts a formula on some sites."""
UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""An underscore at the edge of a word; one inside, as in a column name, is left readable."""
START = re.compile(r"^([-+#=\[:]|\d+(?=[.)](\s|$)))")
LINK = re.compile(r"(?i)\b(https?|ftp|mailto)(:)|\b(www)(\.)")
"""What GitHub would make a link of."""


def environment() -> jinja2.Environment:
    """Return the environment of all pages: HTML is escaped, and what is missing fails."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(shipped("templates")),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"md": markdown, "fence": fence, "literal": repr, "shell": shlex.quote}
    return made


def markdown(text: object) -> str:
    """Return text that Markdown shows as it is, in a paragraph or a cell of a table, on one line."""
    plain = one_line(str(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = UNDERSCORE.sub(r"\_", SPECIAL.sub(r"\\\1", plain))
    line = START.sub(_quoted, line)
    return LINK.sub(lambda found: f"{found[1] or found[3]}&#{ord(found[2] or found[4])};", line)


def _quoted(found: re.Match[str]) -> str:
    """Return what would begin a list, a heading or a definition so that it does not."""
    return f"&#{ord(found[0][0])};{found[0][1:]}"


def fence(text: str, language: str = "") -> str:
    """Return a block of code whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def value_words(value: object) -> str:
    """Return a JSON value as a person reads it."""
    if isinstance(value, list | tuple):
        return ", ".join(map(value_words, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {value_words(item)}" for key, item in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    words = {None: "none", True: "yes", False: "no"}
    return words[value] if value is None or isinstance(value, bool) else str(value)
