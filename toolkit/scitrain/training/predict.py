"""Run a predictor over an array."""

import numpy as np
import torch

from scitrain.training.outputs import Outputs
from scitrain.training.predictor import Predictor

__all__ = ["predict_array"]


def predict_array(
    predictor: Predictor, x: np.ndarray, batch_size: int = 1024, device: str | None = None, logits: bool = False
) -> Outputs:
    """Predict the rows of ``x`` in batches, in evaluation mode; the predictor stays on ``device``, None where it is.

    With ``logits`` the prediction is the logits before the temperature.
    """
    place = torch.device(device) if device is not None else predictor.shift.device
    was_training = predictor.training
    predictor.to(place).eval()
    parts: list[tuple[torch.Tensor, ...]] = []
    with torch.inference_mode():
        for start in range(0, max(len(x), 1), batch_size):
            rows = torch.from_numpy(np.array(x[start : start + batch_size])).to(place)
            prediction, *others = predictor(rows)
            parts.append((predictor.logits(rows) if logits else prediction, *others))
    predictor.train(was_training)
    return Outputs(*(torch.cat(part).cpu().float().numpy() for part in zip(*parts, strict=True)))
