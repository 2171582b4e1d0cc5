"""The space that is searched: inferred from what fields declare, or as a request says."""

import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from pydantic import JsonValue, ValidationError
from pydantic.fields import FieldInfo

from scitrain.contracts.model import ModelSpec
from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.models import FAMILIES
from scitrain.request import alternatives, explain
from scitrain.spec import Spec
from scitrain.training.options import TrainingOptions
from scitrain.tunable import Tunable
from scitrain.tuning.options import SearchSpec, Values

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

__all__ = ["GRID_POINTS", "Parameter", "Space", "check_search", "infer"]

Coded = str | int | float | bool | None
"""What a study can keep."""
S = TypeVar("S", bound=Spec)

GRID_POINTS = 3
"""Values of a range on a grid: both ends and the middle, of the logarithm where that is searched."""
MOST_GRID = 1_000_000


class Parameter(Spec):
    """One thing that is varied."""

    name: str
    of: Literal["model", "training"]
    kind: Literal["float", "int", "choice"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: list[JsonValue] = []

    def words(self) -> str:
        """Return the range or the choices for a person."""
        if self.kind == "choice":
            return ", ".join(str(choice) for choice in self.choices)
        return f"{self.low:g} … {self.high:g}{', log' if self.log else ''}{', whole' if self.kind == 'int' else ''}"

    def coded(self) -> list[Coded]:
        """Return the choices as a study can keep them: a list as its JSON text."""
        return [json.dumps(choice) if isinstance(choice, list | dict) else choice for choice in self.choices]

    def decode(self, value: Coded) -> JsonValue:
        """Return the choice a study's value stands for; numbers are themselves."""
        if self.kind != "choice":
            number = float(str(value))
            return round(number) if self.kind == "int" else number
        return self.choices[self.coded().index(value)]

    def encode(self, value: JsonValue) -> Coded:
        """Return a value as a study keeps it, None where it lies outside."""
        if self.kind == "choice":
            return next(
                (code for code, choice in zip(self.coded(), self.choices, strict=True) if choice == value), None
            )
        return value if isinstance(value, int | float) and self.low <= value <= self.high else None

    def points(self) -> list[Coded]:
        """Return the values of a grid."""
        if self.kind == "choice":
            return self.coded()
        middle = (self.low * self.high) ** 0.5 if self.log else (self.low + self.high) / 2
        if self.kind == "int":
            return list(dict.fromkeys([round(self.low), round(middle), round(self.high)]))
        return [self.low, middle, self.high]


class Space(Spec):
    """All that is varied."""

    parameters: list[Parameter]

    def suggest(self, trial: "BaseTrial") -> dict[str, JsonValue]:
        """Ask a trial of Optuna for a value of each parameter."""
        return {p.name: p.decode(_suggested(trial, p)) for p in self.parameters}

    def encode(self, values: Mapping[str, JsonValue]) -> dict[str, Coded]:
        """Return the values that lie inside, as a study keeps them."""
        found = {p.name: p.encode(values[p.name]) for p in self.parameters if p.name in values}
        return {name: value for name, value in found.items() if value is not None}

    def apply(
        self, values: Mapping[str, JsonValue], model: ModelSpec, options: TrainingOptions
    ) -> tuple[ModelSpec, TrainingOptions]:
        """Return network and options with these values."""
        of = {kind: {p.name: values[p.name] for p in self.parameters if p.of == kind} for kind in ("model", "training")}
        return _changed(model, of["model"]), _changed(options, of["training"])

    def grid(self, most: int, seed: int) -> tuple[list[dict[str, Coded]], int]:
        """Return at most ``most`` points of the grid in a random order, and how many it has."""
        axes = [p.points() for p in self.parameters]
        size = 1
        for axis in axes:
            size *= len(axis)
        if size > MOST_GRID:
            raise ScitrainError(
                f"a grid of {size:,} points is too large; name fewer parameters in search, or take sampler='tpe'"
            )
        names = [p.name for p in self.parameters]
        every = [dict(zip(names, point, strict=True)) for point in itertools.product(*axes)]
        random.Random(seed).shuffle(every)
        return every[:most], size

    def told(self) -> dict[str, JsonValue]:
        """Return the space as it is written down."""
        return {p.name: p.model_dump(mode="json", exclude={"name"}, exclude_defaults=True) for p in self.parameters}


def _suggested(trial: "BaseTrial", parameter: Parameter) -> Coded:
    p = parameter
    if p.kind == "choice":
        return trial.suggest_categorical(p.name, p.coded())
    if p.kind == "int":
        return trial.suggest_int(p.name, int(p.low), int(p.high), log=p.log)
    return trial.suggest_float(p.name, p.low, p.high, log=p.log)


def _changed(spec: S, values: Mapping[str, JsonValue]) -> S:
    return type(spec).model_validate({**spec.model_dump(), **values})


def infer(search: SearchSpec | None, model: ModelSpec, asked: ModelSpec | None, options: TrainingOptions) -> Space:
    """Return the space that ``search`` says, or, where it is None, all that declares a range and that nobody has settled.

    Args:
        search: Of the request.
        model: The network whose options are varied.
        asked: The network as the request names it: an option it sets apart from its default is settled.
        options: Training options of the request: one that is not at its default is settled.

    Raises:
        ScitrainError: A name is unknown (says the near one), or a range is none of its field.
    """
    check_search(search, model)
    known = _known([type(model)])
    if search is None:
        settled = {*_settled(asked), *_settled(options)}
        search = {n: None for n, (_, field) in known.items() if _usual(field) and n not in settled}
    if not search:
        raise ScitrainError(
            "the request settles all that could be searched; leave some of it out, or name it in search"
        )
    made = [_parameter(name, known[name], wish) for name, wish in search.items()]
    for parameter in made:
        _refuse_outside(parameter, model if parameter.of == "model" else options)
    return Space(parameters=made)


def check_search(search: SearchSpec | None, model: ModelSpec | None) -> None:
    """Refuse names that no field has; of every family where the request leaves it open.

    Raises:
        UnknownNameError: Says the near name.
    """
    known = _known(list(FAMILIES.values()) if model is None else [type(model)])
    for name in search or ():
        if name not in known:
            raise UnknownNameError("parameter", name, list(known))
    if model is None:
        for name, wish in (search or {}).items():
            _refuse_everywhere(name, wish)


Known = Mapping[str, tuple[Literal["model", "training"], FieldInfo]]


def _known(families: Sequence[type[ModelSpec]]) -> Known:
    """Return what can be searched: every option of the families, and training options that declare a range."""
    found: dict[str, tuple[Literal["model", "training"], FieldInfo]] = {}
    for family in families:
        found |= {n: ("model", field) for n, field in family.model_fields.items() if n != "family"}
    mine: dict[str, tuple[Literal["model", "training"], FieldInfo]] = {
        n: ("training", field) for n, field in TrainingOptions.model_fields.items() if _marker(field) is not None
    }
    return found | mine


def _marker(field: FieldInfo) -> Tunable | None:
    return next((mark for mark in field.metadata if isinstance(mark, Tunable)), None)


def _usual(field: FieldInfo) -> bool:
    mark = _marker(field)
    return mark is not None and mark.usual


def _settled(spec: Spec | None) -> Iterator[str]:
    """Yield the fields that differ from their default; which of them were named is lost on the way through a record."""
    for name, field in type(spec).model_fields.items() if spec is not None else ():
        if getattr(spec, name) != field.default:
            yield name


def _parameter(name: str, known: tuple[Literal["model", "training"], FieldInfo], wish: Values | None) -> Parameter:
    of, field = known
    types, mark = alternatives(field.annotation), _marker(field)
    if wish is None and mark is None:
        raise ScitrainError(f"search: {name} declares no range; give {{'low': …, 'high': …}} or {{'choices': […]}}")
    said: Values | Tunable = wish or mark or Tunable()
    if said.low is None or said.high is None:
        choices = list(said.choices or _words(types))
        return Parameter(name=name, of=of, kind="choice", choices=choices)
    if not {int, float} & set(types):
        example = _words(types) or [field.default]
        raise ScitrainError(f"search: {name} takes no numbers; give choices, such as {{'choices': {example}}}")
    whole = float not in types
    if whole and not (float(said.low).is_integer() and float(said.high).is_integer()):
        raise ScitrainError(f"search: {name} takes whole numbers; given {said.low:g} to {said.high:g}")
    return Parameter(name=name, of=of, kind="int" if whole else "float", low=said.low, high=said.high, log=said.log)


def _words(types: Sequence[Any]) -> list[JsonValue]:
    """Return the words of a ``Literal``, or both values of a ``bool``."""
    return [w for plain in types if get_origin(plain) is Literal for w in get_args(plain)] or [False, True] * (
        bool in types
    )


def _refuse_everywhere(name: str, wish: Values | None) -> None:
    """Refuse what no family would take, where the request leaves the family open."""
    refusals: list[ScitrainError] = []
    for model in _open():
        if name not in (known := _known([type(model)])):
            continue
        try:
            _refuse_outside(
                made := _parameter(name, known[name], wish), model if made.of == "model" else TrainingOptions()
            )
        except ScitrainError as error:
            refusals.append(error)
        else:
            return
    if refusals:
        raise refusals[0]


def _open() -> Iterator[ModelSpec]:
    """Yield each family that can be made without being told anything."""
    for family in FAMILIES.values():
        if not any(field.is_required() for field in family.model_fields.values()):
            yield family()


def _refuse_outside(parameter: Parameter, spec: Spec) -> None:
    """Refuse a value that the field itself would refuse."""
    values = (
        parameter.choices
        if parameter.kind == "choice"
        else [parameter.decode(parameter.low), parameter.decode(parameter.high)]
    )
    for value in values:
        try:
            _changed(spec, {parameter.name: value})
        except ValidationError as error:
            raise ScitrainError(f"search: {explain(type(spec), error)}") from None
