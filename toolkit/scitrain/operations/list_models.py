"""Tell which model families there are, and their options."""

from typing import ClassVar

from pydantic import JsonValue

from scitrain.contracts.model import TYPICAL, InputKind, ModelSpec, Size
from scitrain.contracts.operation import Query, Result, Skill
from scitrain.declared import FullSchema
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
    """Model families."""

    families: list[Family]

    def summary(self) -> str:
        """Return two lines a family, and the names of its options where one was asked for."""
        lines = [family.words() for family in self.families]
        lines += [f"  options: {', '.join(f.options)}" for f in self.families if f.options]
        return "\n".join(lines)


class ListModels(Query):
    """List the model families with size, work and what each needs; with `family`, the options of that one."""

    skill: ClassVar[Skill] = "any"
    title: ClassVar[str] = "List models"

    family: str | None = None
    """Name of one family, to see its options."""

    def execute(self, workspace: Workspace) -> ListModelsResult:
        """Describe the families from their classes."""
        if self.family is not None and self.family not in FAMILIES:
            raise UnknownNameError("model family", self.family, sorted(FAMILIES))
        names = sorted(FAMILIES) if self.family is None else [self.family]
        return ListModelsResult(families=[_describe(name, with_options=self.family is not None) for name in names])


def _describe(name: str, with_options: bool) -> Family:
    from scitrain.modalities import MODALITIES

    cls = FAMILIES[name]
    fitting = [modality.name for modality in MODALITIES.values() if set(cls.consumes) & set(modality.kinds)]
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
        options=_options(cls) if with_options else None,
    )


def _row_words(kind: InputKind) -> str:
    return " × ".join(map(str, TYPICAL[kind].shape))


def _size(kind: InputKind, size: Size) -> dict[str, JsonValue]:
    return {"row": [*TYPICAL[kind].shape], "parameters": size.parameters, "flops": size.flops}


def _options(cls: type[ModelSpec]) -> dict[str, JsonValue]:
    """Return the schema of each option; what they refer to stands under ``$defs``."""
    schema = cls.model_json_schema(schema_generator=FullSchema)
    shared = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    return {**schema["properties"], **shared}
