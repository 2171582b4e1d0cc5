"""Command-line flags read off the fields of an operation.

Values stay the text that was typed until the operation validates them: a SMILES such as ``[Na+].[Cl-]``, a column
called ``a, b`` and a molecule called ``null`` arrive unharmed. (pydantic-settings takes all three apart.)
"""

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from scitrain.request import RequestError, alternatives, decode, fields_of, models_in

__all__ = ["add_flags", "arguments"]


@dataclass(frozen=True)
class Flag:
    """One option of one command."""

    path: tuple[str, ...]
    """Field name, preceded by those of the objects that hold it."""
    field: FieldInfo
    also: tuple[FieldInfo, ...] = ()
    """The fields of that name in the other members of a union, such as the other model families."""

    @property
    def option(self) -> str:
        """The words a person types, such as ``--split.max-rows``."""
        return "--" + ".".join(self.path).replace("_", "-")

    @property
    def dest(self) -> str:
        """Name in the namespace; the dots keep it apart from the options every command has."""
        return ".".join(("", *self.path))

    @property
    def types(self) -> tuple[Any, ...]:
        """Plain types the field takes, in any member."""
        return tuple(dict.fromkeys(plain for one in (self.field, *self.also) for plain in alternatives(one.annotation)))

    @property
    def many(self) -> bool:
        """Whether several values can be given."""
        return any(get_origin(plain) in (list, tuple) or plain is list for plain in self.types)

    @property
    def mapping(self) -> bool:
        """Whether the caller chooses the names inside, so that none of them can be an option."""
        return any(get_origin(plain) is dict for plain in self.types)

    def help(self) -> str:
        """Return the field's own help with its default."""
        defaults = list(dict.fromkeys(_default(one) for one in (self.field, *self.also)))
        default = "required" if self.field.is_required() else f"default: {' or '.join(defaults)}"
        if get_origin(self.field.annotation) is Literal and self.also:
            return "Which kind; the other options depend on it."
        return f"{self.field.description or ''} ({default})".strip().replace("%", "%%")

    def metavar(self) -> str:
        """Return the words it takes, or the kind of value."""
        words = [str(word) for plain in self.types if get_origin(plain) is Literal for word in get_args(plain)]
        kinds = [_KINDS[plain] for plain in self.types if plain in _KINDS]
        objects = ["JSON"] if models_in(self.field.annotation) or self.mapping else []
        inner = [
            _KINDS.get(item, "JSON")
            for p in self.types
            if get_origin(p) is list
            for item in alternatives(get_args(p)[0])
        ]
        return "|".join(dict.fromkeys([*words, *kinds, *inner, *objects])) or "TEXT"


def _default(field: FieldInfo) -> str:
    value = field.default
    shown = value.model_dump(exclude_defaults=True) if isinstance(value, BaseModel) else value
    return "none" if shown is None else str(shown)


_KINDS = {str: "TEXT", int: "N", float: "X", bool: "true|false"}


def add_flags(parser: ArgumentParser, model: type[BaseModel], below: tuple[str, ...] = ()) -> None:
    """Add an option for each field, and a dotted one for each field of a nested object; ``below`` stands before all."""
    for flag in _flags(model, below):
        if flag.types == (bool,):
            parser.add_argument(
                flag.option, dest=flag.dest, action=BooleanOptionalAction, default=None, help=flag.help()
            )
        else:
            nargs = _how_many(flag)
            const = "true" if nargs == "?" else None
            parser.add_argument(
                flag.option,
                dest=flag.dest,
                action="append",
                nargs=nargs,
                const=const,
                metavar=flag.metavar(),
                help=flag.help(),
            )


def _how_many(flag: Flag) -> str | None:
    """Return argparse's ``nargs``; a list that has a default may be emptied by naming the option alone."""
    if flag.many:
        return "*" if isinstance(flag.field.default, list) else "+"
    return "?" if bool in flag.types else None


def arguments(model: type[BaseModel], typed: Namespace, below: tuple[str, ...] = ()) -> dict[str, object]:
    """Gather what was typed into the arguments of ``model``, objects put together from their dotted parts.

    Raises:
        RequestError: An option that takes one value was given twice.
    """
    values = vars(typed)
    gathered: dict[str, object] = {}
    for flag in _flags(model, below):
        if (texts := values.get(flag.dest)) is not None:
            _place(gathered, replace(flag, path=flag.path[len(below) :]), _value(flag, texts), model)
    return gathered


def _flags(model: type[BaseModel], parents: tuple[str, ...] = ()) -> Iterator[Flag]:
    """Yield a flag a field, depth first; a name shared by the members of a union appears once."""
    for name, field in fields_of(model).items():
        flag = Flag((*parents, name), field)
        yield flag
        if not flag.many and not flag.mapping:
            shared: dict[str, list[Flag]] = {}
            for inner in models_in(field.annotation):
                for nested in _flags(inner, flag.path):
                    shared.setdefault(nested.option, []).append(nested)
            yield from (replace(same[0], also=tuple(one.field for one in same[1:])) for same in shared.values())


def _value(flag: Flag, texts: object) -> object:
    if isinstance(texts, bool):
        return texts
    given = [
        text for part in cast("list[str | list[str]]", texts) for text in (part if isinstance(part, list) else [part])
    ]
    if len(given) == 1:
        return _single(flag, given[0])
    if not flag.many:
        raise RequestError(f"{flag.option}: takes one value (given {', '.join(map(repr, given))})")
    inner = tuple(item for plain in flag.types if get_origin(plain) is list for item in get_args(plain))
    return [next((read for item in inner if not isinstance(read := decode(item, text), str)), text) for text in given]


def _single(flag: Flag, text: str) -> object:
    """Read JSON where an object or list fits, a list of one where only a list fits, ``none`` where no text fits."""
    read = decode(flag.field.annotation, text)
    if (
        isinstance(read, dict)
        and flag.many
        and not any(plain is dict or get_origin(plain) is dict for plain in flag.types)
    ):
        return [read]
    if not isinstance(read, str) or str in flag.types:
        return read
    if flag.many and not any(get_origin(plain) is Literal and text in get_args(plain) for plain in flag.types):
        return [text]
    return None if type(None) in flag.types and text in ("none", "null") else read


def _place(gathered: dict[str, object], flag: Flag, value: object, operation: type[BaseModel]) -> None:
    """Put a value where its path leads; a word for an object that also has parts becomes the part that takes it."""
    here = gathered
    owners: tuple[type[BaseModel], ...] = (operation,)
    for name in flag.path[:-1]:
        owners = tuple(m for o in owners if name in fields_of(o) for m in models_in(fields_of(o)[name].annotation))
        inner = here.setdefault(name, {})
        if not isinstance(inner, dict):
            inner = here[name] = {_word_field(owners, inner): inner}
        here = inner
    here[flag.path[-1]] = value


def _word_field(models: tuple[type[BaseModel], ...], word: object) -> str:
    """Return the field that takes ``word`` among its fixed words, such as ``family`` for ``mlp``."""
    for model in models:
        for name, field in fields_of(model).items():
            if any(
                get_origin(plain) is Literal and word in get_args(plain) for plain in alternatives(field.annotation)
            ):
                return name
    raise RequestError(f"{word!r} cannot be combined with the dotted options; give one or the other")
