from typing import ClassVar, Literal

import pytest
from pydantic import BaseModel, Field, JsonValue
from pydantic._internal._docs_extraction import extract_docstrings_from_cls

from scitrain.contracts.operation import Result
from scitrain.declared import Declared, field_docs
from scitrain.modalities import MODALITIES  # noqa: F401  # so that the featurisers are defined
from scitrain.models import FAMILIES  # noqa: F401  # so that the families are defined
from scitrain.operations import OPERATIONS  # noqa: F401  # so that the operations and their results are defined
from scitrain.spec import Spec


class Example(Declared):
    """A class whose own docstring: is no field's."""

    plain: int
    """Plain."""
    valued: list[int] = Field(
        [1, 2],
        max_length=3,
    )
    # a comment between
    """Several

    lines with a "quote" and a \\ backslash.
    """
    bare: int = 1
    'Single quotes.'  # fmt: skip
    silent: int = 2
    noted: ClassVar[int] = 3
    """Not a field."""
    renamed: int = Field(1, alias="other")
    """Renamed."""
    said: int = Field(1, description="Said explicitly.")
    """Overruled."""

    def method(self) -> None:
        """Return nothing."""
        silent: int = 3
        """Not a field either."""
        del silent

    last: str = "x"
    """Last."""


class Heir(Example):
    more: int = 0
    """More."""


def everything(base):
    for cls in base.__subclasses__():
        if cls.__module__.startswith("scitrain"):
            yield cls
        yield from everything(cls)


def test_each_field_has_the_string_under_it():
    texts = {name: field.description for name, field in Heir.model_fields.items()}
    assert texts == {
        "plain": "Plain.",
        "valued": 'Several\n\nlines with a "quote" and a \\ backslash.',
        "bare": "Single quotes.",
        "silent": None,
        "renamed": "Renamed.",
        "said": "Said explicitly.",
        "last": "Last.",
        "more": "More.",
    }
    assert Heir(plain=1, other=4).renamed == 4
    assert Heir.noted == 3


@pytest.mark.parametrize(
    "cls", [*dict.fromkeys([*everything(Spec), *everything(Result)])], ids=lambda cls: cls.__name__
)
def test_the_strings_are_those_pydantic_finds(cls):
    slow = extract_docstrings_from_cls(cls, use_inspect=True)
    assert {name: cls.model_fields[name].description for name in slow if name in cls.model_fields} == {
        name: text for name, text in slow.items() if name in cls.model_fields
    }


def test_without_source_pydantic_looks_itself():
    scope: dict[str, object] = {"__name__": "no_such_module", "Declared": Declared}
    exec('class Loose(Declared):\n    x: int = 1\n    """Help."""\n', scope)
    assert scope["Loose"].model_config["use_attribute_docstrings"]  # type: ignore[attr-defined]
    assert field_docs((), "Loose") is None


def test_the_schema_has_no_titles_but_a_field_called_title():
    class Titled(Declared):
        title: str = ""
        rows: list[Heir] = []

    schema = Titled.model_json_schema()
    assert "title" in schema["properties"]
    assert "title" not in schema["properties"]["title"]
    assert "title" not in schema
    assert all("title" not in part for part in schema["$defs"].values())


def test_the_schema_says_otherwise_what_pydantic_says():
    class Plain(BaseModel):
        x: int = Field(3, ge=1)

    class Same(Declared):
        x: int = Field(3, ge=1)

    ours, theirs = Same.model_json_schema(), Plain.model_json_schema()
    theirs.pop("title")
    theirs["properties"]["x"].pop("title")
    assert ours == theirs


class Fishing(Declared):
    net: int | float | None = None
    nets: list[str] | str | None = None
    depth: int | Literal["auto"] = "auto"


def test_a_union_of_plain_types_is_one_schema_and_a_word_among_them_keeps_it_a_union() -> None:
    said = Fishing.model_json_schema()["properties"]
    assert said["net"] == {"type": ["number", "null"]}
    assert said["nets"] == {"type": ["array", "string", "null"], "items": {"type": "string"}}
    assert [part.get("const", part["type"]) for part in said["depth"]["anyOf"]] == ["integer", "auto"]


class Crew(Declared):
    name: str


class Ship(Declared):
    captain: Crew | None = None
    """Who leads."""
    crew: list[Crew] = []
    by_role: dict[str, Crew] = {}
    cargo: dict[str, JsonValue] = {}
    description: str = "afloat"


def test_the_schema_of_an_answer_has_names_and_types_and_says_of_a_record_that_it_is_one() -> None:
    record = {"type": "object"}
    assert Ship.model_json_schema(mode="serialization") == {
        "type": "object",
        "properties": {
            "captain": {"anyOf": [record, {"type": "null"}]},
            "crew": {"type": "array"},
            "by_role": {"type": "object", "additionalProperties": record},
            "cargo": record,
            "description": {"type": "string"},
        },
    }


def test_the_schema_of_a_request_tells_the_fields_of_its_records() -> None:
    assert Ship.model_json_schema()["$defs"]["Crew"]["required"] == ["name"]
