"""What a fine-tuning leaves beside what every training does."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pydantic import JsonValue

from scitrain.inference.files import CONFIG
from scitrain.runs import Run, atomic_write

if TYPE_CHECKING:
    from scitrain.training.predictor import Predictor
    from scitrain.transfer.arms import Trained

__all__ = ["FIGURE", "HISTORY", "MODEL", "TRANSFER", "TransferFacts", "write_history", "write_model"]

HISTORY = "results/ft_history.csv"
MODEL = "models/ft_model.pt"
TRANSFER = "results/transfer.json"
FIGURE = "figures/transfer_gain.png"


@dataclass(frozen=True)
class TransferFacts:
    """Where the weights came from and what was made of them; JSON of ``results/transfer.json``."""

    source: str
    kind: str
    licence: str
    strategy: str
    why: str
    trainable: int
    total: int
    overfitting: str
    shift: str | None
    domain_auc: float | None
    compared: JsonValue

    def write(self, run: Run) -> None:
        """Write them down."""
        run.write_json(TRANSFER, asdict(self))


def write_history(run: Run, trained: "Sequence[Trained]") -> None:
    """Write ``results/ft_history.csv``: one row an epoch of each strategy."""
    rows = [{"strategy": one.arm, **row} for one in trained for row in one.fitted.history]
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    table = csv.DictWriter(text, names, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    atomic_write(run.file(HISTORY), text.getvalue())


def write_model(run: Run, predictor: "Predictor") -> None:
    """Write ``models/ft_model.pt``: tensors by name and the configuration as text, loaded by ``torch.load(…, weights_only=True)``."""
    import torch

    content = io.BytesIO()
    state = {name: value.detach().cpu().clone() for name, value in predictor.state_dict().items()}
    torch.save({"state_dict": state, "config": (run.path / CONFIG).read_text(encoding="utf-8")}, content)
    atomic_write(run.file(MODEL), content.getvalue())
