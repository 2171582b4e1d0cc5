"""Model families. To add one, put a file here with a subclass of ``ModelSpec``."""

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from scitrain.contracts.model import ModelSpec
from scitrain.discovery import load_plugins, plugins

load_plugins(__name__)

FAMILIES: dict[str, type[ModelSpec]] = {cls.model_fields["family"].default: cls for cls in plugins(ModelSpec)}  # type: ignore[type-abstract]

if TYPE_CHECKING:
    AnyModelSpec = ModelSpec
else:
    AnyModelSpec = Annotated[reduce(or_, FAMILIES.values()), Field(discriminator="family")]

__all__ = ["FAMILIES", "AnyModelSpec"]
