"""What a request says about pretraining."""

from typing import Annotated, Literal

from pydantic import Field

from scitrain.spec import Spec

__all__ = ["Objective", "PretrainingOptions"]

Objective = Literal["masked", "causal", "contrastive", "properties"]


class PretrainingOptions(Spec):
    """Objectives and how long."""

    objectives: dict[Objective, float] = Field({"masked": 1.0}, min_length=1)
    """Weight of each: `masked` atoms, `causal` (next token), `contrastive` views, `properties` (of `targets`)."""
    targets: list[str] = Field([], max_length=64)
    """Columns of numbers for `properties`; cells may lack."""
    mask: float = Field(0.15, gt=0, lt=0.9)
    """Share of tokens masked."""
    size: Literal["small", "base", "large"] = "small"
    """Layers × width × heads: 3×128×4, 6×512×8, 12×768×12."""
    epochs: int = Field(10, ge=1, le=10_000)
    """Passes over the rows."""
    batch_size: int = Field(128, ge=2, le=65_536)
    """Rows a step."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] | Literal["auto"] = "auto"
    """Highest step size."""
    max_minutes: float | None = Field(None, gt=0)
    """Stop then, keeping the best."""
    held_out: float = Field(0.05, ge=0.001, le=0.5)
    """Share of rows to measure on."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    seed: int = Field(42, ge=0, lt=2**32)
    """Seed of all that is drawn."""
