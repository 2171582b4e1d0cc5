"""Further places the learning curves are sent to."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from pytorch_lightning.loggers import Logger

from scitrain.errors import MissingExtraError
from scitrain.training.options import Tracker

__all__ = ["make_loggers"]


def make_loggers(names: Sequence[Tracker], folder: Path, run_id: str) -> list[Logger]:
    """Return Lightning loggers that write below ``folder`` (or to the service their own configuration names).

    Raises:
        MissingExtraError: The package of a logger is not installed.
    """
    for name in names:
        if find_spec(name) is None:
            raise MissingExtraError(f"logger {name!r}", name, name)
    return [MAKERS[name](folder, run_id) for name in names]


def _tensorboard(folder: Path, run_id: str) -> Logger:
    from pytorch_lightning.loggers import TensorBoardLogger

    return TensorBoardLogger(save_dir=folder, name="tensorboard", version=run_id)


def _mlflow(folder: Path, run_id: str) -> Logger:
    from pytorch_lightning.loggers import MLFlowLogger

    return MLFlowLogger(experiment_name="scitrain", run_name=run_id, save_dir=str(folder / "mlflow"))


def _wandb(folder: Path, run_id: str) -> Logger:
    from pytorch_lightning.loggers import WandbLogger

    return WandbLogger(project="scitrain", name=run_id, save_dir=folder)


MAKERS: dict[str, Callable[[Path, str], Logger]] = {"tensorboard": _tensorboard, "mlflow": _mlflow, "wandb": _wandb}
