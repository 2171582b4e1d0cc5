"""What a request says about teaching a generator, and about drawing from one."""

from typing import Literal

from pydantic import Field

from scitrain.spec import Spec

__all__ = ["FAMILIES", "Family", "GeneratorOptions", "Sampling"]

Family = Literal["smiles_gpt", "selfies_gpt", "matgpt", "composition_diffusion", "molecule_diffusion", "matt5"]
FAMILIES: dict[str, str] = {
    "smiles_gpt": "smiles",
    "selfies_gpt": "smiles",
    "matgpt": "formula",
    "composition_diffusion": "formula",
    "molecule_diffusion": "smiles",
    "matt5": "formula",
}
"""Kind of data that each family draws."""


class Sampling(Spec):
    """How strings are drawn."""

    temperature: float = Field(1.0, gt=0, le=5)
    """Divides the logits; below 1 likelier, above 1 more diverse."""
    top_k: int | None = Field(None, ge=1)
    """Draw among the k likeliest tokens alone."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Draw among the likeliest tokens that hold this share."""
    beams: int = Field(1, ge=1, le=256)
    """Above 1: beam search, the likeliest strings instead of draws."""
    constrained: bool = True
    """Only tokens that the grammar allows."""
    prefix: str = Field("", max_length=500)
    """Beginning of every string, such as a scaffold's SMILES left open."""
    guidance: float = Field(1.0, ge=0, le=20)
    """Weight of the conditions (classifier-free); 1 is as trained, above 1 stricter."""
    steps: int = Field(50, ge=2, le=1000)
    """Denoising steps of diffusion (DDIM)."""
    batch_size: int = Field(256, ge=1, le=8192)
    """Strings drawn together."""


class GeneratorOptions(Spec):
    """Network and training of a generator."""

    family: Family | None = None
    """Null: `smiles_gpt` of molecules, `matgpt` of compositions."""
    conditions: list[str] = []
    """Properties to heed: columns of numbers, or of molecules logp, qed, …"""
    layers: int | None = Field(None, ge=1, le=48)
    """Null: by the number of strings."""
    width: int | None = Field(None, ge=16, le=4096)
    """Multiple of `heads`."""
    heads: int | None = Field(None, ge=1, le=64)
    """Attention heads; null: one for each 32 of the width."""
    epochs: int | None = Field(None, ge=1, le=100_000)
    """Passes; null: by the number of strings."""
    batch_size: int | None = Field(None, ge=1, le=65_536)
    """Strings of a step; null: 64 of language models, 512 of diffusion."""
    learning_rate: float | None = Field(None, gt=0, le=1)
    """Highest; it rises, then falls along a cosine that ends with the epochs or the minutes."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Within the network."""
    condition_dropout: float | None = Field(None, ge=0, lt=1)
    """Share of strings told no condition, which guidance needs; null: 0.4 of language models, 0.2 of diffusion."""
    aromatic: bool = False
    """Of smiles_gpt: aromatic atoms instead of double bonds; fewer tokens, but no grammar checks such rings."""
    augment: bool = False
    """Another spelling of each SMILES in each epoch."""
    schedule: Literal["cosine", "linear"] = "cosine"
    """Noise of diffusion."""
    predicts: Literal["v", "epsilon"] = "v"
    """What diffusion predicts."""
    noise_steps: int = Field(1000, ge=10, le=10_000)
    """Of diffusion while training."""
    patience: int = Field(10, ge=1)
    """Epochs without a better held-out loss."""
    max_minutes: float | None = Field(None, gt=0)
    """Most minutes of training."""
    precision: Literal["auto", "32", "tf32", "bf16", "fp16"] = "auto"
    """Arithmetic."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    max_rows: int | None = Field(None, ge=10)
    """Use a random sample of rows."""
    checkpoint_seconds: float = Field(30.0, ge=0)
    """Shortest time between two writes of the last checkpoint."""
    seed: int = Field(42, ge=0, lt=2**32)
    """Seed of all that is drawn."""
