"""What a model family offers."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from scitrain.spec import Spec

if TYPE_CHECKING:
    from scitrain.models._encoder import Encoder

__all__ = ["InputKind", "InputShape", "ModelSpec"]

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


class ModelSpec(Spec):
    """Options of one model family, and how to build its network.

    Subclass it in a new file of ``scitrain/models`` with a field ``family: Literal["name"] = "name"``.
    """

    consumes: ClassVar[tuple[InputKind, ...]]
    """Input kinds it reads, the best suited first."""
    reference: ClassVar[str]
    """Paper the architecture comes from, with its DOI."""
    ensemble_default: ClassVar[int] = 1
    """Members trained when the request says ``ensemble="auto"``."""

    def kinds(self) -> tuple[InputKind, ...]:
        """Return the kinds of input that the network with these options reads, the best suited first."""
        return self.consumes

    @abstractmethod
    def build(self, shape: InputShape) -> "Encoder":
        """Build an untrained encoder, rows to (batch, width); the head is put on by the caller.

        Raises:
            ScitrainError: Rows of this shape do not fit the family; says which families do.
        """
