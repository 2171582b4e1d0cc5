"""Models whose fields are documented by the string under each of them, built quickly enough to import dozens at every start."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, get_origin

from pydantic import BaseModel, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

__all__ = ["Declared", "field_docs"]

FIELD = re.compile(r"(\w+)\s*:\s*\S")
INDENT = 4


class TerseSchema(GenerateJsonSchema):
    """JSON schema without the titles pydantic derives from names: a sixth of the bytes every client reads for nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # the base class's union of schemas has no public name
        """Never: the name says it."""
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Return the schema without the class's name."""
        said = super().model_schema(schema)
        said.pop("title", None)
        return said


class Declared(BaseModel):
    """Takes the help text of a field from the string under it, and publishes a terse JSON schema.

    pydantic's ``use_attribute_docstrings`` does the first too, but walks all loaded modules for each class: about 10 ms a
    class, a quarter of a second at every start of the server.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Put the strings where pydantic looks for descriptions, before it collects the fields."""
        super().__init_subclass__(**kwargs)
        docs = field_docs(_lines(cls.__module__), cls.__name__)
        # Without a source file, as in a notebook, pydantic's own slow way finds the strings.
        cls.model_config["use_attribute_docstrings"] = docs is None
        own = cls.__dict__.get("__annotations__", {})
        for name, text in (docs or {}).items():
            if name in own and get_origin(own[name]) is not ClassVar:
                own[name] = Annotated[own[name], Field(description=text)]

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:  # the base's arguments, unchanged
        """Return the terse schema."""
        if len(args) < 3:
            options.setdefault("schema_generator", TerseSchema)
        return super().model_json_schema(*args, **options)


def field_docs(lines: Sequence[str], name: str) -> dict[str, str] | None:
    """Return the string under each field of class ``name``, None where that class is not in ``lines`` exactly once."""
    header = re.compile(rf"\s*class {name}\b")
    starts = [index for index, line in enumerate(lines) if header.match(line)]
    if len(starts) != 1:
        return None
    found: dict[str, str] = {}
    field: str | None = None
    body = _body(lines, starts[0])
    for text in body:
        if text.startswith(('"', "'", 'r"')):
            literal = _literal(text, body)
            if field is not None:
                found[field] = inspect.cleandoc(literal)
        # A bracket closes the value of the field, a comment belongs to it; anything else begins a new statement.
        if not text.startswith((")", "]", "}", "#")):
            match = FIELD.match(text)
            field = match[1] if match else None
    return found


def _body(lines: Sequence[str], start: int) -> Iterator[str]:
    """Yield the lines of a class that begin a statement, and all lines of its strings, without indentation."""
    indent = len(lines[start]) - len(lines[start].lstrip()) + INDENT
    first = next((i for i in range(start, len(lines)) if lines[i].rstrip().endswith((":", ": ...", ": pass"))), start)
    in_string = False
    for line in lines[first + 1 :]:
        text = line.strip()
        depth = len(line) - len(line.lstrip())
        if text and depth < indent and not in_string:
            return
        if in_string or (text and depth == indent):
            in_string ^= text.count('"""') % 2 == 1
            yield line[indent:] if line[:indent].isspace() else text


def _literal(text: str, rest: Iterator[str]) -> str:
    """Read the string that begins with ``text`` and may go on over the lines of ``rest``."""
    while text.count('"""') == 1:
        text += "\n" + next(rest, '"""')
    value = ast.literal_eval(text.strip())
    return value if isinstance(value, str) else ""


@lru_cache(maxsize=4)
def _lines(module: str) -> tuple[str, ...]:
    """Return the source of a module, empty where it has no file; kept while the classes of one module are made."""
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        return tuple(Path(file).read_text(encoding="utf-8").splitlines()) if file else ()
    except OSError:
        return ()
