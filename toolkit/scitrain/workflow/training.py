"""What a request to train says, and what is learned from it; shared by every operation that trains a network of its own data."""

from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from scitrain.data.options import DataOptions
from scitrain.exporters import check_formats
from scitrain.models import AnyModelSpec
from scitrain.runs import Run
from scitrain.spec import Spec
from scitrain.training.options import TrainingOptions

if TYPE_CHECKING:
    from scitrain.data.prepared import Prepared
    from scitrain.training.learning import Learning
    from scitrain.workflow.network import Network

__all__ = ["SELDOM", "AskedModel", "Formats", "SeveralTargets", "TrainingRequest", "learning_of"]

S = TypeVar("S", bound=Spec)
SELDOM = frozenset(
    """auxiliary ignore series rows duplicates max_rows batch_size learning_rate weight_decay patience warmup gradient_clip accumulate
    class_weights augment precision devices parallel deterministic gradient_checkpointing compile top_k checkpoint_seconds
    loggers features refit coverage task_weights single_tasks device""".split()
)
"""What a request for a training seldom says: its tool only names it."""


def _family_alone(value: object) -> object:
    """Accept ``model="mlp"`` for ``model={"family": "mlp"}``, and ``"auto"`` for null."""
    if isinstance(value, str):
        return None if value in ("auto", "") else {"family": value}
    return value


def _known(formats: list[str]) -> list[str]:
    check_formats(formats)
    return formats


AskedModel = Annotated[AnyModelSpec | None, BeforeValidator(_family_alone)]
"""Network as a request names it."""
Formats = Annotated[list[str], AfterValidator(_known)]
"""Export formats that there are."""


class TrainingRequest(TrainingOptions, DataOptions):
    """Data, network, training and what is written at the end."""

    model: AskedModel = None
    """Family and its options, or the family's name alone; null chooses by modality, task and size and says why."""
    features: dict[str, JsonValue] = {}
    """Options of the features, such as `{"views": ["snv", "d2"]}` for spectra."""
    refit: bool = False
    """Train again on training and validation rows together, for as many epochs as were best; the first network calibrates."""
    coverage: float = Field(0.9, ge=0.5, le=0.99)
    """Share of predictions whose interval or set shall hold the truth."""
    export: Formats = ["onnx"]
    """Formats written and verified after training: `onnx`, `torchscript`, `torch_export`, `cpp`, `bundle`."""

    def part(self, options: type[S]) -> S:
        """Return the part of the request that is about data, or about training."""
        return options(**{name: getattr(self, name) for name in options.model_fields})


class SeveralTargets(Spec):
    """What a request says of several targets."""

    single_tasks: bool = False
    """Also train a network for each target, and say what learning them together gains."""


def learning_of(prepared: "Prepared", network: "Network", request: TrainingRequest, run: Run) -> "Learning":
    """Return what the network is fitted to: training rows (with other spellings where it reads text) and validation rows."""
    from scitrain.training.learning import Learning
    from scitrain.workflow.spellings import respelled
    from scitrain.workflow.weights import weighed

    rows = respelled(prepared, network, request.augment, request.seed, run)
    return Learning(
        task=prepared.task,
        x=rows.x,
        y=rows.y,
        train=rows.train,
        val=prepared.split["val"],
        n_outputs=prepared.n_outputs,
        model=network.model,
        shape=network.featuriser.shape(),
        options=weighed(request.part(TrainingOptions), prepared, run),
        seed=request.seed,
        coverage=request.coverage,
        slots=prepared.slots,
    )
