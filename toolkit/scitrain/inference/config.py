"""Everything besides the weights that is needed to predict: ``models/config.json``."""

import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field, JsonValue, TypeAdapter

from scitrain.contracts.modality import Featuriser
from scitrain.contracts.model import InputKind, InputShape, ModelSpec
from scitrain.data.layout import SeriesLayout
from scitrain.data.options import Task
from scitrain.data.prepared import Target
from scitrain.data.slots import Slot, slots_of
from scitrain.spec import Spec
from scitrain.training.options import HeadKind

if TYPE_CHECKING:
    from scitrain.evaluation.conformal import Conformal
    from scitrain.training.heads import Head

__all__ = ["ShapeConfig", "TrainedConfig", "Weights"]

Weights = Literal["fp32", "fp16", "bf16", "int8"]


class ShapeConfig(Spec):
    """`InputShape` as JSON."""

    kind: InputKind
    shape: tuple[int, ...]
    """Shape of one row, without the batch axis."""
    vocabulary: int | None = None
    """Number of token ids."""
    blocks: dict[str, tuple[int, int]] = {}
    """Named column ranges."""

    @classmethod
    def of(cls, shape: InputShape) -> "ShapeConfig":
        """Take over a shape."""
        return cls(kind=shape.kind, shape=shape.shape, vocabulary=shape.vocabulary, blocks=shape.blocks)

    def input_shape(self) -> InputShape:
        """Return the shape."""
        return InputShape(self.kind, self.shape, self.vocabulary, dict(self.blocks))


class TrainedConfig(Spec):
    """What a trained model reads, what it says, and how far that can be trusted; finite JSON."""

    schema_version: Literal[1] = 1
    task: Task
    targets: tuple[Target, ...]
    modality: str
    input_columns: tuple[str, ...]
    """Columns a prediction needs."""
    series: SeriesLayout | None = None
    """How long tables are read; null where a row is a row."""
    featuriser: dict[str, JsonValue]
    """JSON of the featuriser; see `featuriser_object`."""
    model: dict[str, JsonValue]
    """JSON of the model spec; see `model_object`."""
    members: int = Field(1, ge=1)
    """Networks that predict together."""
    head: HeadKind = "point"
    """What they say of a number; the quantiles are those of ``coverage``."""
    floors: tuple[float | None, ...] = ()
    """Smallest prediction of each target, null where it has none; empty where no target has one."""
    weights: Weights = "fp32"
    """How the weights lie in files; an `int8` network is its ONNX file alone."""
    shape: ShapeConfig
    """One row of features."""
    inner: ShapeConfig
    """The same row as the members read it: without the columns that tell nothing, with what was derived of others."""
    coverage: float = Field(0.9, gt=0, lt=1)
    """Asked share of rows whose interval or set holds the truth."""
    conformal: dict[str, JsonValue] | None = None
    """JSON of the calibrated intervals or sets; null where there were no validation rows."""
    domain_threshold: float | None = None
    """Largest distance inside the training domain; null where no domain was learned."""
    seed: int = 42
    source: str = ""
    """Name of the data it was trained on."""

    @property
    def n_outputs(self) -> int:
        """Number of network outputs: one a number or a pair of classes, else one a class."""
        return self.slots[-1].end

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Where each target lies among them."""
        return slots_of(self.task, self.targets)

    @property
    def has_numbers(self) -> bool:
        """Tell whether a target is a number."""
        return any(target.classes is None for target in self.targets)

    @property
    def tells_spread(self) -> bool:
        """Tell whether the spread of a number says how sure it is."""
        return self.members > 1 or self.head in ("gaussian", "quantile")

    def head_object(self) -> "Head":
        """Return what the last layer says."""
        from scitrain.training.heads import make_head
        from scitrain.training.mixed_head import MixedHead

        if self.head == "mixed":
            return MixedHead(self.slots)
        floors = tuple(-math.inf if floor is None else floor for floor in self.floors)
        return make_head(self.head, self.coverage, floors)

    def featuriser_object(self) -> Featuriser:
        """Return the featuriser that was trained with."""
        from scitrain.modalities import AnyFeaturiser

        return TypeAdapter[Featuriser](AnyFeaturiser).validate_python(self.featuriser)

    def model_object(self) -> ModelSpec:
        """Return the model spec that was trained."""
        from scitrain.models import AnyModelSpec

        return TypeAdapter[ModelSpec](AnyModelSpec).validate_python(self.model)

    def conformal_object(self) -> "Conformal | None":
        """Return the calibrated intervals or sets."""
        from scitrain.evaluation.conformal import Conformal

        return None if self.conformal is None else TypeAdapter[Conformal](Conformal).validate_python(self.conformal)
