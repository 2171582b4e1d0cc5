"""Show what augmentation does to training rows."""

import numpy as np

from scitrain.figures.augmentations import augmentations
from scitrain.figures.save import save
from scitrain.runs import Run
from scitrain.training.learning import Fitted, Learning
from scitrain.training.transforms import ImageInput

__all__ = ["AUGMENTATIONS", "show_augmentations"]

AUGMENTATIONS = "figures/augmentations.png"
SHOWN, VARIANTS = 4, 5


def show_augmentations(run: Run, fitted: Fitted, learning: Learning) -> None:
    """Draw ``figures/augmentations.png`` where training rows were varied: a few of them, as the network saw them."""
    import torch

    from scitrain.data.augment import augmentations as ways_of

    names = [str(name) for name in fitted.facts.get("augment") or []]  # type: ignore[union-attr]  # a list of words
    if not names:
        return
    train = np.sort(learning.train)
    rows = torch.from_numpy(np.array(learning.x[train[np.linspace(0, len(train) - 1, SHOWN).astype(int)]]))
    inputs = fitted.predictor.inputs
    if not isinstance(inputs, ImageInput):
        with torch.no_grad():
            rows = inputs(rows)
    vary, mix = ways_of(names, learning.shape)
    generator = torch.Generator().manual_seed(learning.seed)
    variants = []
    for _ in range(VARIANTS):
        varied = rows if vary is None else vary(rows, generator)
        variants.append((varied if mix is None else mix(varied[None], generator).rows[0]).numpy())
    save(augmentations(rows.numpy(), variants, names), run.file(AUGMENTATIONS))
