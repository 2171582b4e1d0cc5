"""Turn arguments into a validated operation, or say on one line a field what is wrong with them."""

import json
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from scitrain.errors import ScitrainError, did_you_mean, listed
from scitrain.spec import Spec

__all__ = ["RequestError", "accepts_objects", "alternatives", "decode", "explain", "fields_of", "models_in", "parse"]

S = TypeVar("S", bound=Spec)

SHOWN = 80
"""Characters of a rejected value that are repeated to the caller."""


class RequestError(ScitrainError):
    """The arguments of a request do not fit the operation; one line a field."""


def parse(operation: type[S], arguments: Mapping[str, object]) -> S:
    """Validate ``arguments``; text that holds a JSON object or list is read as one where the field takes one.

    Raises:
        RequestError: What is wrong with which field, what was given, and the near name of a misspelt one.
    """
    fields = fields_of(operation)
    read = {k: decode(fields[k].annotation, v) if k in fields else v for k, v in arguments.items()}
    try:
        return operation.model_validate(read)
    except ValidationError as error:
        raise RequestError(explain(operation, error)) from None


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields by the names a caller uses: the alias where there is one."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def decode(annotation: object, value: object) -> object:
    """Read JSON text where ``annotation`` takes an object or a list; any other value stays as it is.

    A SMILES such as ``[Na+].[Cl-]`` looks like a list and is none, so it stays text.
    """
    if not isinstance(value, str) or value[:1] not in ("{", "[") or not accepts_objects(annotation):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def alternatives(annotation: object) -> tuple[Any, ...]:
    """Return the plain types of an annotation, with unions, ``Annotated`` and type aliases taken apart."""
    if hasattr(annotation, "__value__"):
        return alternatives(annotation.__value__)
    if get_origin(annotation) is Annotated:
        return alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return tuple(plain for member in get_args(annotation) for plain in alternatives(member))
    return (annotation,)


def accepts_objects(annotation: object) -> bool:
    """Tell whether a JSON object or list can be a value of ``annotation``."""
    return any(
        get_origin(a) in (list, tuple, dict) or a in (list, dict) or _is_model(a) for a in alternatives(annotation)
    )


def models_in(annotation: object) -> tuple[type[BaseModel], ...]:
    """Return the model classes a value of ``annotation`` may be or hold."""
    found: list[type[BaseModel]] = []
    for plain in alternatives(annotation):
        if _is_model(plain):
            found.append(plain)
        elif get_origin(plain) in (list, tuple, dict):
            found.extend(model for inner in get_args(plain) for model in models_in(inner))
    return tuple(found)


def explain(operation: type[BaseModel], error: ValidationError) -> str:
    """Return a line for each field in error: where, what is wrong, what was given, and the near name."""
    said: dict[str, list[ErrorDetails]] = {}
    owners: dict[str, tuple[type[BaseModel], ...]] = {}
    for detail in error.errors(include_url=False):
        where, owners_here = _locate(operation, detail["loc"])
        said.setdefault(where, []).append(detail)
        owners[where] = owners_here
    # A union reports what each of its members thinks: keep the member that was meant, whose error lies deepest.
    shown = [where for where in said if not any(_below(other, where) for other in said)]
    return "\n".join(f"{where or 'request'}: {_sentence(said[where], owners[where])}" for where in shown)


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _below(deeper: str, where: str) -> bool:
    return bool(where) and deeper.startswith((f"{where}.", f"{where}["))


def _locate(root: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[str, tuple[type[BaseModel], ...]]:
    """Return the path as a caller writes it, without union labels, and the classes that own its last name."""
    path = ""
    owners: tuple[type[BaseModel], ...] = (root,)
    inside = owners
    open_keys = False
    for index, part in enumerate(loc):
        named = [
            fields[part].annotation
            for model in inside
            if isinstance(part, str) and part in (fields := fields_of(model))
        ]
        if isinstance(part, int):
            path += f"[{part}]"
        elif named or open_keys or (index == len(loc) - 1 and inside and not _is_label(part, inside)):
            path += f".{part}" if path else str(part)
            owners = inside
            # a key that the caller chose leads to what the values of the mapping are
            inside = (
                inside if open_keys and not named else tuple(m for annotation in named for m in models_in(annotation))
            )
            open_keys = any(get_origin(a) is dict for n in named for a in alternatives(n))
        else:
            inside = tuple(model for model in inside if part in _tags(model)) or inside
    return path, owners


def _is_label(part: int | str, models: Iterable[type[BaseModel]]) -> bool:
    """Tell the label of a union member (``str``, ``list[str]``, a tag) from a name the caller wrote."""
    return any(part in _tags(model) for model in models) or part in ("str", "int", "float", "bool") or "[" in str(part)


def _tags(model: type[BaseModel]) -> set[object]:
    """Return the names under which a union may speak of ``model``: its class and its discriminators."""
    fixed = (
        get_args(field.annotation) for field in model.model_fields.values() if get_origin(field.annotation) is Literal
    )
    return {model.__name__, *(words[0] for words in fixed if len(words) == 1)}


def _sentence(details: list[ErrorDetails], owners: tuple[type[BaseModel], ...]) -> str:
    """Join what the members of a union say of one field."""
    parts = list(dict.fromkeys(_problem(detail, owners) for detail in details))
    given = next((_given(d) for d in details if d["type"] not in ("missing", "extra_forbidden", "value_error")), "")
    return "; or ".join(parts) + given


def _problem(detail: ErrorDetails, owners: tuple[type[BaseModel], ...]) -> str:
    name = str(detail["loc"][-1]) if detail["loc"] else ""
    fields = {known: field for owner in owners for known, field in fields_of(owner).items()}
    if detail["type"] == "extra_forbidden":
        return f"not a field; {did_you_mean(name, fields).strip() or f'fields: {listed(fields, 40)}'}"
    if detail["type"] == "missing":
        about = fields[name].description if name in fields else None
        return f"required; {about}" if about else "required"
    if detail["type"] in ("literal_error", "union_tag_invalid"):
        return _allowed(detail)
    if detail["type"] == "union_tag_not_found":
        return f"needs {detail['ctx']['discriminator']} to say which is meant"
    return detail["msg"].removeprefix("Value error, ")


def _allowed(detail: ErrorDetails) -> str:
    """Say which words are allowed and which of them is near."""
    context = detail.get("ctx", {})
    words = str(context.get("expected") or context.get("expected_tags", ""))
    near = did_you_mean(
        str(context.get("tag", detail["input"])),
        [word.strip().strip("'") for word in words.replace(" or ", ",").split(",")],
    )
    return f"expected {words}" + (f"; {near.strip()}" if near else "")


def _given(detail: ErrorDetails) -> str:
    text = repr(detail["input"])
    return f" (given {text if len(text) <= SHOWN else text[:SHOWN] + '…'})"
