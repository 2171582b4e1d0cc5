"""Models whose fields are documented by the string under each of them, built quickly enough to import dozens at every start."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_origin

from pydantic import BaseModel, Field
from pydantic.json_schema import DEFAULT_REF_TEMPLATE, GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

__all__ = ["Declared", "FullSchema", "field_docs"]

FIELD = re.compile(r"(\w+)\s*:\s*\S")
INDENT = 4
UNSAID = (("additionalProperties", {"$ref": "#/$defs/JsonValue"}), ("items", {"$ref": "#/$defs/JsonValue"}))
"""How pydantic says that anything may stand there."""
UNTOLD = {"description", "default"}
"""What the schema of an answer leaves to the answer."""


class TerseSchema(GenerateJsonSchema):
    """JSON schema without what every client would read twice: titles made from names, and docstrings told elsewhere."""

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        """Return the schema; that of an answer has names and types alone, and of a record that it is one: the answer tells the rest."""
        said = super().generate(schema, mode)
        if mode == "validation":
            return said
        records = said.pop("$defs", {})
        told: JsonSchemaValue = _shallow(said, records)
        return told

    def field_title_should_be_set(self, schema: object) -> bool:
        """Never: the name says it."""
        return False

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Name the members of a union of families; their options would be a third of all that a client reads."""
        full = super().tagged_union_schema(schema)
        kept = full.get("discriminator", {}).get("propertyName")
        if not kept:
            return full
        return {"type": "object", "properties": {kept: {"enum": list(schema["choices"])}}, "required": [kept]}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Write ``{"type": ["number", "null"]}``, which says the same as a union of two schemas in half the words."""
        return _one_of_types(super().nullable_schema(schema))

    def union_schema(self, schema: core_schema.UnionSchema) -> JsonSchemaValue:
        """Write a union of plain types the same way: ``{"type": ["string", "array"], "items": …}``."""
        return _one_of_types(super().union_schema(schema))

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave out a default that is empty, or an object all of whose fields have theirs: what is not given is not there."""
        said = super().default_schema(schema)
        default = schema.get("default")
        if default in (None, "", [], {}) or isinstance(default, BaseModel):
            said.pop("default", None)
        return said

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Return the schema without the class's name and docstring: a tool says its own, a field's help says a nested one's."""
        said = super().model_schema(schema)
        said.pop("title", None)
        said.pop("description", None)
        if self.mode == "serialization":
            said.pop("required", None)  # an answer is always whole: the list of its fields would stand there twice
        # What is accepted is decided by the class and not by its schema.
        for name in getattr(schema["cls"], "explained_elsewhere", ()):
            said["properties"][name] = {}
        for name in (unnamed := getattr(schema["cls"], "unnamed", ())):
            said["properties"].pop(name, None)
        if unnamed:
            said.pop("additionalProperties", None)
        return said


def _one_of_types(union: JsonSchemaValue) -> JsonSchemaValue:
    """Put a union of types into one schema where that says the same: each keyword of it is about one type alone."""
    parts = union.get("anyOf", [])
    flat = [part.get("type") for part in parts]
    types = [name for part in flat for name in (part if isinstance(part, list) else [part])]
    if (
        not parts
        or not all(isinstance(name, str) for name in types)
        or any({"enum", "const"} & set(part) for part in parts)
    ):
        return union
    if "number" in types:
        parts, types = (
            [part for part in parts if part != {"type": "integer"}],
            [name for name in types if name != "integer"],
        )
    if len({*types}) < len(types):
        return union
    return {key: value for part in parts for key, value in part.items()} | {"type": types}


def _shallow(said: Any, records: dict[str, JsonSchemaValue]) -> Any:  # noqa: ANN401  # any part of a JSON schema
    """Return a part of a schema without what is told of it, and each reference replaced by the type of what it refers to."""
    if isinstance(said, list):
        return [_shallow(part, records) for part in said]
    if not isinstance(said, dict):
        return said
    if "$ref" in said:
        record = records[said["$ref"].rpartition("/")[2]]
        return {key: value for key, value in record.items() if key in ("type", "enum")}
    kept = {key: part for key, part in said.items() if key not in UNTOLD and (key, part) not in UNSAID}
    if "$ref" in kept.get("items", {}):
        del kept["items"]  # of a record: the answer tells
    fields = {name: _shallow(part, records) for name, part in said.get("properties", {}).items()}
    return {key: fields if key == "properties" else _shallow(part, records) for key, part in kept.items()}


class FullSchema(TerseSchema):
    """All of it, for somebody who asks for just this: what each argument is, what each member of a union takes."""

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Tell all members."""
        return GenerateJsonSchema.tagged_union_schema(self, schema)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Keep the docstring."""
        said = GenerateJsonSchema.model_schema(self, schema)
        said.pop("title", None)
        return said


class Declared(BaseModel):
    """Takes the help text of a field from the string under it, and publishes a terse JSON schema.

    pydantic's ``use_attribute_docstrings`` does the first too, but walks all loaded modules for each class: about 10 ms a
    class, a quarter of a second at every start of the server.
    """

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Put the strings where pydantic looks for descriptions, before it collects the fields."""
        super().__init_subclass__(**kwargs)  # type: ignore[arg-type]  # pydantic takes its configuration from them
        docs = field_docs(_lines(cls.__module__), cls.__name__)
        # Without a source file, as in a notebook, pydantic's own slow way finds the strings.
        cls.model_config["use_attribute_docstrings"] = docs is None
        own: dict[str, Any] = cls.__dict__.get("__annotations__", {})  # noqa: RUF063  # that returns a copy; this is changed
        for name, text in (docs or {}).items():
            if name in own and get_origin(own[name]) is not ClassVar:
                own[name] = Annotated[own[name], Field(description=text)]

    @classmethod
    def model_json_schema(
        cls,
        by_alias: bool | None = True,
        ref_template: str = DEFAULT_REF_TEMPLATE,
        schema_generator: type[GenerateJsonSchema] = TerseSchema,
        mode: JsonSchemaMode = "validation",
        *,
        union_format: Literal["any_of", "primitive_type_array"] = "any_of",
    ) -> dict[str, Any]:
        """Return the terse schema."""
        return super().model_json_schema(by_alias, ref_template, schema_generator, mode, union_format=union_format)


def field_docs(lines: Sequence[str], name: str) -> dict[str, str] | None:
    """Return the string under each field of class ``name``, None where that class is not in ``lines`` exactly once."""
    # no pattern: one for each class would be compiled at every start
    headers = (f"class {name}(", f"class {name}:", f"class {name}[")
    starts = [index for index, line in enumerate(lines) if line.lstrip().startswith(headers)]
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
