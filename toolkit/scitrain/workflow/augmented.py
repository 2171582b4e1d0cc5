"""Show what augmentation does to training rows."""

import numpy as np

from scitrain.contracts.model import InputShape
from scitrain.figures.augmentations import augmentations
from scitrain.figures.save import save
from scitrain.runs import Run
from scitrain.training.learning import Fitted
from scitrain.training.transforms import ImageInput

__all__ = ["AUGMENTATIONS", "show_augmentations"]

AUGMENTATIONS = "figures/augmentations.png"
SHOWN, VARIANTS = 4, 5


def show_augmentations(
    run: Run, fitted: Fitted, x: np.ndarray, train: np.ndarray, shape: InputShape, seed: int
) -> None:
    """Draw ``figures/augmentations.png`` where training rows were varied: a few of them, as the network saw them.

    Args:
        run: Where the figure goes.
        fitted: The trained network; its facts name the ways.
        x: (n, …) raw features.
        train: Training rows.
        shape: Shape of one row.
        seed: Of the variants.
    """
    import torch

    from scitrain.data.augment import augmentations as ways_of

    names = [str(name) for name in fitted.facts.get("augment") or []]  # type: ignore[union-attr]  # a list of words
    if not names:
        return
    rows = torch.from_numpy(np.array(x[np.sort(train)[np.linspace(0, len(train) - 1, SHOWN).astype(int)]]))
    inputs = fitted.predictor.inputs
    if not isinstance(inputs, ImageInput):
        with torch.no_grad():
            rows = inputs(rows)
    vary, mix = ways_of(names, shape)
    generator = torch.Generator().manual_seed(seed)
    variants = []
    for _ in range(VARIANTS):
        varied = rows if vary is None else vary(rows, generator)
        variants.append((varied if mix is None else mix(varied[None], generator).rows[0]).numpy())
    save(augmentations(rows.numpy(), variants, names), run.file(AUGMENTATIONS))
