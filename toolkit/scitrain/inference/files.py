"""The files of a trained model: ``models/weights.safetensors``, ``models/config.json``, ``models/domain.npz``."""

import io
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from scitrain.errors import RunStateError, ScitrainError, listed
from scitrain.inference.backends import onnx_compute
from scitrain.inference.config import TrainedConfig
from scitrain.runs import Run, atomic_write

if TYPE_CHECKING:
    from pathlib import Path

    from scitrain.evaluation.domain import Domain
    from scitrain.training.predictor import Predictor

__all__ = [
    "CONFIG",
    "DOMAIN",
    "ONNX",
    "WEIGHTS",
    "load_domain",
    "load_predictor",
    "load_weights",
    "read_config",
    "save_model",
    "weight_bytes",
]

WEIGHTS = "models/weights.safetensors"
CONFIG = "models/config.json"
DOMAIN = "models/domain.npz"
ONNX = "models/model.onnx"


def save_model(run: Run, predictor: "Predictor", config: TrainedConfig, domain: "Domain | None") -> None:
    """Write weights, domain and configuration, in this order: where the last is there, the model is whole."""
    if config.weights != "int8":  # which is the ONNX file that lies there already
        atomic_write(run.file(WEIGHTS), weight_bytes(predictor))
    if domain is not None:
        content = io.BytesIO()
        np.savez_compressed(content, **domain.arrays())  # type: ignore[arg-type]  # numpy types the keywords as bool
        atomic_write(run.file(DOMAIN), content.getvalue())
    run.write_json(CONFIG, config.model_dump(mode="json"))


def read_config(run: Run) -> TrainedConfig:
    """Read ``models/config.json``.

    Raises:
        RunStateError: The run holds no trained model.
        ScitrainError: The file is not one that this version reads.
    """
    if not (run.path / CONFIG).is_file():
        raise RunStateError(f"run {run.id!r} has no {CONFIG}: {_why_no_model(run)}")
    content = run.read_json(CONFIG)
    try:
        return TrainedConfig.model_validate(content)
    except ValidationError as error:
        where = listed(".".join(map(str, e["loc"])) + ": " + e["msg"] for e in error.errors())
        raise ScitrainError(
            f"{CONFIG} of run {run.id} cannot be read by this version of scitrain ({where}); train again"
        ) from None


def _why_no_model(run: Run) -> str:
    record = run.record()
    if record.status in ("queued", "running"):
        return f"it is still {record.status}; wait for it with get_run(run_id={run.id!r}, wait_s=45)"
    if record.parents:
        return f"it is a run of {record.operation}, made from another; say that one, run={record.parents[0]!r}"
    if record.status in ("interrupted", "failed", "cancelled"):
        return (
            f"it ended as {record.status} before its model was written; resume_run(run_id={run.id!r}) goes on with it"
        )
    return f"it is a run of {record.operation}, which trains no model; give one that does, such as train_model"


def load_domain(run: Run) -> "Domain | None":
    """Read the training domain, or None where none was learned."""
    from scitrain.evaluation.domain import Domain

    path = run.path / DOMAIN
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return Domain.from_arrays(dict(arrays))


def load_predictor(run: Run) -> "Predictor":
    """Rebuild the network of a run from its configuration and fill in its weights; eval mode, on the CPU.

    An int8 network is a `Frozen` one: it predicts through its file, and cannot be trained or differentiated.

    Raises:
        RunStateError: The run holds no trained model.
        ScitrainError: The weights do not belong to the configuration.
    """
    from scitrain.training.predictor import build_predictor

    config = read_config(run)
    inner, head = config.inner.input_shape(), config.head_object()
    predictor = build_predictor(config.task, config.model_object(), inner, config.n_outputs, config.members, head)
    predictor.stored = config.weights
    if config.weights == "int8":
        from scitrain.training.frozen import Frozen

        return Frozen.of(predictor, run.path / ONNX, onnx_compute(run.path / ONNX)).eval()
    load_weights(predictor, run.path / WEIGHTS)
    return predictor.eval()


def weight_bytes(predictor: "Predictor") -> bytes:
    """Return the content of a safetensors file with every parameter and buffer, the members' parameters as ``predictor.stored`` says."""
    import torch
    from safetensors.torch import save

    half = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(predictor.stored)
    weights = {name for name, _ in predictor.members.named_parameters(prefix="members")}

    def kept(name: str, value: torch.Tensor) -> torch.Tensor:
        short = half if half is not None and name in weights else value.dtype
        # clones: safetensors refuses tensors that share memory, as views of one stacked ensemble do
        return value.detach().cpu().clone().to(short).contiguous()

    return save({name: kept(name, value) for name, value in predictor.state_dict().items()})


def load_weights(predictor: "Predictor", path: "Path") -> None:
    """Fill ``predictor`` from a safetensors file; nothing but numbers is read.

    Raises:
        ScitrainError: The file is missing or damaged, or its names or shapes are not those of the network.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    wanted = predictor.state_dict()
    if not path.is_file():
        raise ScitrainError(f"no weights at {path.name} in {path.parent}; the run was not completed, train again")
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118  (no mapping)
            _check_shapes({name: tuple(value.shape) for name, value in wanted.items()}, shapes, path)
            stored = {name: file.get_tensor(name) for name in wanted}
    except SafetensorError as error:
        raise ScitrainError(f"{path} is no whole safetensors file ({error}); copy it again or train again") from None
    with torch.no_grad():
        predictor.load_state_dict(stored)


Shapes = dict[str, tuple[int, ...]]


def _check_shapes(wanted: Shapes, found: Shapes, path: "Path") -> None:
    problems = [f"missing {listed(sorted(wanted.keys() - found.keys()))}"] if wanted.keys() - found.keys() else []
    if found.keys() - wanted.keys():
        problems.append(f"unexpected {listed(sorted(found.keys() - wanted.keys()))}")
    apart = [f"{n} is {found[n]}, expected {wanted[n]}" for n in wanted if n in found and found[n] != wanted[n]]
    if apart:
        problems.append(listed(apart, 5))
    if problems:
        raise ScitrainError(f"the weights in {path} are not those of the network in config.json: {'; '.join(problems)}")
