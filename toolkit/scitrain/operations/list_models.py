"""Tell which model families there are, and their options."""

from typing import ClassVar

from pydantic import JsonValue

from scitrain.contracts.model import TYPICAL, InputKind, Size
from scitrain.contracts.operation import Operation, Query, Result, Skill
from scitrain.declared import FullSchema
from scitrain.discovery import load_plugins, plugins
from scitrain.errors import UnknownNameError
from scitrain.models import FAMILIES
from scitrain.spec import Spec
from scitrain.workspace import Workspace

__all__ = ["Family", "ListModels", "ListModelsResult"]


class Family(Spec):
    """One model family."""

    family: str
    description: str
    reads: list[str]
    modalities: list[str]
    reference: str
    rows: int
    """Wanted for training."""
    members: int
    sizes: dict[str, dict[str, JsonValue]]
    """By input: row, parameters, flops."""
    gpu: str
    extras: list[str]
    options: dict[str, JsonValue] | None = None
    """JSON schema of the options; only where one family was asked for."""

    def words(self) -> str:
        """Return the family in two lines."""
        sizes = [
            f"{size.parameters:,} parameters and {size.flops / 1e6:,.3g} MFLOP a row of {_row_words(kind)} ({kind})"
            for kind, size in FAMILIES[self.family].sizes.items()
        ]
        facts = [
            f"from about {self.rows:,} rows",
            *sizes,
            f"GPU {self.gpu}",
            *(f"needs {name}" for name in self.extras),
        ]
        return f"{self.family}: {self.description} ({', '.join(self.modalities)})\n  {'; '.join(facts)}"


class ListModelsResult(Result):
    """Model families, or the arguments of a tool."""

    families: list[Family]
    arguments: dict[str, JsonValue] | None = None
    """JSON schema of each argument of the tool that was asked for."""

    def summary(self) -> str:
        """Return two lines a family, and the names of its options where one was asked for; or a line an argument."""
        lines = [family.words() for family in self.families]
        lines += [f"  options: {', '.join(f.options)}" for f in self.families if f.options]
        lines += [f"{name}: {_help(schema)}" for name, schema in (self.arguments or {}).items() if name != "$defs"]
        return "\n".join(lines)


class ListModels(Query):
    """List the model families with size, work and what each needs; the options of one; or all arguments of a tool."""

    skill: ClassVar[Skill] = "any"
    title: ClassVar[str] = "List models"

    family: str | None = None
    """Name of one family, to see its options."""
    tool: str | None = None
    """Name of one tool, to see its arguments, those too that its schema only names."""

    def execute(self, workspace: Workspace) -> ListModelsResult:
        """Describe the families, or the arguments, from their classes."""
        if self.tool is not None:
            return ListModelsResult(families=[], arguments=_arguments(self.tool))
        if self.family is not None and self.family not in FAMILIES:
            raise UnknownNameError("model family", self.family, sorted(FAMILIES))
        names = sorted(FAMILIES) if self.family is None else [self.family]
        return ListModelsResult(families=[_describe(name, with_options=self.family is not None) for name in names])


def _arguments(tool: str) -> dict[str, JsonValue]:
    load_plugins("scitrain.operations")
    known = {cls.name(): cls for cls in plugins(Operation)}  # type: ignore[type-abstract]  # finds concrete ones only
    if tool not in known:
        raise UnknownNameError("tool", tool, sorted(known))
    return _properties(known[tool])


def _help(schema: JsonValue) -> str:
    return str(schema.get("description", "")) if isinstance(schema, dict) else ""


def _describe(name: str, with_options: bool) -> Family:
    from scitrain.modalities import MODALITIES

    cls = FAMILIES[name]
    fitting = [modality.name for modality in MODALITIES.values() if cls.fits(modality.name, modality.kinds)]
    return Family(
        family=name,
        description=(cls.__doc__ or "").split("\n")[0],
        reads=list(cls.consumes),
        modalities=fitting,
        reference=cls.reference,
        rows=cls.rows,
        members=cls.ensemble_default,
        sizes={kind: _size(kind, size) for kind, size in cls.sizes.items()},
        gpu=cls.gpu,
        extras=list(cls.extras),
        options=_properties(cls) if with_options else None,
    )


def _row_words(kind: InputKind) -> str:
    return " × ".join(map(str, TYPICAL[kind].shape))


def _size(kind: InputKind, size: Size) -> dict[str, JsonValue]:
    return {"row": [*TYPICAL[kind].shape], "parameters": size.parameters, "flops": size.flops}


def _properties(cls: type[Spec]) -> dict[str, JsonValue]:
    """Return the schema of each field; what they refer to stands under ``$defs``."""
    schema = cls.model_json_schema(schema_generator=FullSchema)
    shared = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    return {**schema["properties"], **shared}
