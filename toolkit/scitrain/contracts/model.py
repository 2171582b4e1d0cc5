"""What a model family offers."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from scitrain.spec import Spec

if TYPE_CHECKING:
    from scitrain.contracts.modality import Columns, Featuriser
    from scitrain.models._encoder import Encoder

__all__ = ["TYPICAL", "InputKind", "InputShape", "ModelSpec", "Size"]

InputKind = Literal["vector", "tokens", "image", "series"]


@dataclass(frozen=True)
class InputShape:
    """What one row looks like to a network."""

    kind: InputKind
    """``vector``: float32 (width,); ``tokens``: int64 (length,), 0 is padding; ``image``: float32 (channels, height, width) in 0…1;
    ``series``: float32 (channels, length), NaN behind the end of a row that is shorter."""
    shape: tuple[int, ...]
    """Shape of one row, without the batch axis."""
    vocabulary: int | None = None
    """Number of token ids, padding included; only for tokens."""
    blocks: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Named column ranges of a vector, such as ``{"descriptors": (0, 180), "counts": (180, 1204)}``."""


TYPICAL: dict[InputKind, InputShape] = {
    "vector": InputShape("vector", (200,)),
    "tokens": InputShape("tokens", (64,), vocabulary=64),
    "series": InputShape("series", (1, 256)),
    "image": InputShape("image", (3, 64, 64)),
}
"""Rows for which a family says its size."""


@dataclass(frozen=True)
class Size:
    """What a family's network with default options holds and does, without the head."""

    parameters: int
    flops: int
    """Multiplications and additions for one row; a training step costs about three times as much."""


class ModelSpec(Spec):
    """Options of one model family, and how to build its network.

    Subclass it in a new file of ``scitrain/models`` with a field ``family: Literal["name"] = "name"``.
    """

    consumes: ClassVar[tuple[InputKind, ...]]
    """Input kinds it reads, the best suited first."""
    modalities: ClassVar[tuple[str, ...]] = ()
    """Modalities whose rows it reads; empty: all that give such kinds."""
    reference: ClassVar[str]
    """Paper the architecture comes from, with its DOI."""
    ensemble_default: ClassVar[int] = 1
    """Members trained when the request says ``ensemble="auto"``."""
    sizes: ClassVar[Mapping[InputKind, Size]] = {}
    """Of one member for a row of `TYPICAL`; a test counts them. Empty where the options alone decide."""
    unlike: ClassVar[str] = ""
    """Why the members of an ensemble are unlike, where `of_member` makes them so."""
    rows: ClassVar[int] = 1_000
    """Training rows from which the family is worth a try."""
    gpu: ClassVar[str] = "not needed for some thousands of rows"
    """Whether a GPU is needed."""
    extras: ClassVar[tuple[str, ...]] = ()
    """Optional dependencies of scitrain that it needs, as in ``pip install scitrain[name]``."""

    @classmethod
    def fits(cls, modality: str, offered: Sequence[InputKind]) -> bool:
        """Tell whether it reads a modality that is offered in some kinds."""
        return bool(set(cls.consumes) & set(offered)) and (not cls.modalities or modality in cls.modalities)

    def kinds(self) -> tuple[InputKind, ...]:
        """Return the kinds of input that the network with these options reads, the best suited first."""
        return self.consumes

    def settled(self) -> "ModelSpec":
        """Return this with all that building it later will need but not find, such as an architecture that only a hub knows."""
        return self

    def of_member(self, number: int) -> "ModelSpec":
        """Return the network of one member of an ensemble, counted from 0: this one, unless members are meant to be unlike."""
        return self

    def featuriser(self, modality: str, columns: "Columns") -> "Featuriser | None":
        """Return how rows are read by a network that brings its own tokenizer; None leaves that to the modality."""
        return None

    @abstractmethod
    def build(self, shape: InputShape) -> "Encoder":
        """Build an untrained encoder, rows to (batch, width); the head is put on by the caller.

        Raises:
            ScitrainError: Rows of this shape do not fit the family; says which families do.
        """
