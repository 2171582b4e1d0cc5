"""The function that is explained: the predictor in the unit a person reads, on rows whose missing values stay missing."""

import numpy as np
import torch
from torch import Tensor, nn

from scitrain.training.predictor import Predictor

__all__ = ["Explained", "MeanLogits", "said_of"]


class Explained(nn.Module):
    """f(x) = prediction in the target's unit, or the calibrated log-odds ln(p / (1 − p)) of each class.

    Log-odds add up where probabilities saturate: attributions of a sure prediction would vanish otherwise.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.predictor = predictor

    def forward(self, rows: Tensor, missing: Tensor | None = None) -> Tensor:
        """Map rows (n, …) to (n, outputs); what ``missing`` (n, …) marks is imputed by the predictor's own transform."""
        if missing is not None:
            rows = torch.where(missing, torch.full_like(rows, torch.nan), rows)
        said = self.predictor.logits(rows)
        if self.predictor.task == "regression":
            return said
        logits = said / self.predictor.temperature
        return logits - _others(logits) if self.predictor.task == "multiclass" else logits


class MeanLogits(Explained):
    """f(x) = prediction in the target's unit, or the members' mean logit over the temperature, of classes above the mean of all classes.

    Nothing bends behind the last layer, as DeepLIFT needs it (doi:10.48550/arXiv.1704.02685, section 3.6).
    """

    def forward(self, rows: Tensor, missing: Tensor | None = None) -> Tensor:
        """Map rows (n, …) to (n, outputs)."""
        if self.predictor.task == "regression":
            return super().forward(rows, missing)
        if missing is not None:
            rows = torch.where(missing, torch.full_like(rows, torch.nan), rows)
        logits = self.predictor.run_members(rows)[0].mean(dim=0) / self.predictor.temperature
        return logits - logits.mean(dim=1, keepdim=True) if self.predictor.task == "multiclass" else logits


def _others(logits: Tensor) -> Tensor:
    """Return for each class ln Σ exp of all other classes, (n, classes)."""
    own = torch.eye(logits.shape[1], dtype=torch.bool, device=logits.device)
    return logits.unsqueeze(1).expand(-1, logits.shape[1], -1).masked_fill(own, -torch.inf).logsumexp(2)


def said_of(predictor: Predictor, output: int, rows: np.ndarray) -> np.ndarray:
    """Return f of one output for rows (n, …), NaN where a value is missing, (n,)."""
    with torch.no_grad():
        said = Explained(predictor.eval())(torch.from_numpy(rows).to(predictor.shift.device))
    found: np.ndarray = said[:, output].cpu().numpy()
    return found
