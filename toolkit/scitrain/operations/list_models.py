"""Tell which model families there are, and their options."""

from typing import ClassVar

from pydantic import JsonValue

from scitrain.contracts.operation import Query, Result, Skill
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
    """Kinds of input, the best suited first."""
    modalities: list[str]
    """Modalities it can be trained on."""
    reference: str
    """Where the architecture comes from."""
    options: dict[str, JsonValue] | None = None
    """JSON schema of the options; only where one family was asked for."""


class ListModelsResult(Result):
    """Model families."""

    families: list[Family]

    def summary(self) -> str:
        """Return a line a family."""
        return "\n".join(f"{f.family}: {f.description} ({', '.join(f.modalities)})" for f in self.families)


class ListModels(Query):
    """List the model families that train_model can train; with `family`, the options of that one."""

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
        options=cls.model_json_schema()["properties"] if with_options else None,
    )
