"""Kinds of data. To add one, put a file here with a subclass of ``Modality`` and its featurisers."""

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from scitrain.contracts.modality import Featuriser, Modality
from scitrain.discovery import load_plugins, plugins

load_plugins(__name__)

MODALITIES: dict[str, Modality] = {cls.name: cls() for cls in plugins(Modality)}  # type: ignore[type-abstract]

if TYPE_CHECKING:
    AnyFeaturiser = Featuriser
else:
    AnyFeaturiser = Annotated[reduce(or_, plugins(Featuriser)), Field(discriminator="kind")]

__all__ = ["MODALITIES", "AnyFeaturiser"]
