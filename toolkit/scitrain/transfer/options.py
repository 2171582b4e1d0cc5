"""What a request says about fine-tuning."""

from typing import Literal

from pydantic import Field, JsonValue

from scitrain.spec import Spec
from scitrain.training.options import AdaptMethod

__all__ = ["FIXED", "AdaptOptions", "Arm", "FinetuneOptions", "Strategy"]

Strategy = Literal[
    "full", "feature", "partial", "gradual", "adapter", "lora", "prompt", "prefix", "fixed_prompt", "fixed_prefix"
]
Asked = Literal["auto", Strategy]
Arm = Literal["scratch", Strategy]
FIXED = "fixed_"
"""Before the name of a part that is put in as it begins, at random, and stays so while the head learns."""


USUAL: dict[AdaptMethod, float] = {"dann": 0.1, "coral": 100.0, "mmd": 0.3}
"""Weights where none is asked for, by rows of the target that measured nothing (benchmarks/adaptation.py): covariances of features differ
by little, so that coral weighs more."""


class AdaptOptions(Spec):
    """How the features of two domains are brought together."""

    methods: list[AdaptMethod] = Field(["dann"], min_length=1, max_length=3)
    """Of several the best, chosen without target labels, is kept."""
    weight: float | None = Field(None, gt=0, le=100_000)
    """Of the method in the loss; null: its usual one."""

    def weights(self) -> dict[AdaptMethod, float]:
        """Return the methods asked for with their weights, each once."""
        return {method: self.weight or USUAL[method] for method in self.methods}


class FinetuneOptions(Spec):
    """Where weights come from, and what of them is trained."""

    source: str
    """Weights: a name of Hugging Face, timm or torchvision, a folder, a file, a run id, or `builtin` (random)."""
    strategy: Asked = "auto"
    """What trains: all, the head (`feature`), top blocks (`partial`), more each epoch (`gradual`), or small additions."""
    compare: list[Arm] = Field([], max_length=8)
    """Tried on the same split, such as `["scratch", "feature", "full"]`; the best on validation is kept. `fixed_…`: as it begins."""
    blocks: int = Field(2, ge=1, le=100)
    """Top blocks that `partial` trains."""
    layer_decay: float = Field(0.9, gt=0, le=1)
    """Each block's learning rate by that of the block above it."""
    head_rate: float | None = Field(None, gt=0, le=1000)
    """The head's learning rate by that of the top block; null: 10 for large pretrained networks, else 1."""
    rank: int = Field(4, ge=1, le=256)
    """Rank of `lora`."""
    modules: list[str] = []
    """Layers that `lora` changes; empty: all linear ones."""
    intermediate: list[dict[str, JsonValue]] = Field([], max_length=4)
    """Runs in between, each from the weights of the one before: `[{"data": "near.csv", "target": "y"}]`."""
    unlabelled: str | None = None
    """File of further inputs: the trained network tells their labels, and is trained again with them where validation rows gain."""
    units: int | None = Field(None, ge=1, le=1024)
    """Units of an `adapter`, or virtual tokens of `prompt` and `prefix`."""

    def arms(self) -> list[Arm]:
        """Return the strategies that are named, each once; none where the choice is left open."""
        return list(dict.fromkeys(self.compare)) or ([] if self.strategy == "auto" else [self.strategy])
