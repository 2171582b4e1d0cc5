"""The base class of everything a user can ask for."""

from pydantic import ConfigDict, Field

from scitrain.declared import Declared

__all__ = ["OfRun", "Spec"]


class Spec(Declared):
    """A validated, immutable value object; the string under a field is its help text."""

    # by alias in both directions, so that what is written down is what a person would say
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), serialize_by_alias=True)


class OfRun(Spec):
    """A request about a trained run. The field is called ``run`` outside; inside, ``run()`` is the method that acts."""

    of: str = Field(alias="run")
    """Id of the run whose model is meant."""

    def parents(self) -> list[str]:
        """Return the run this one builds on."""
        return [self.of]
