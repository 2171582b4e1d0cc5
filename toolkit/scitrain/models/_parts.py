"""Options of the families whose encoder has layers of Hugging Face inside."""

from pydantic import Field

from scitrain.contracts.model import ModelSpec

__all__ = ["WithParts"]


class WithParts(ModelSpec):
    """A family into whose network small parts can be put, which finetune_model trains alone; one of them at a time."""

    adapter: int = Field(0, ge=0, le=1024)
    """Units of a bottleneck put behind each layer; 0: none."""
    prompt: int = Field(0, ge=0, le=256)
    """Learned vectors put before the tokens."""
    prefix: int = Field(0, ge=0, le=256)
    """Learned keys and values put before those of each layer."""

    @property
    def has_parts(self) -> bool:
        """Tell whether any is put in."""
        return bool(self.adapter or self.prompt or self.prefix)

    @property
    def takes_parts(self) -> bool:
        """Tell whether the network with these options has a Transformer to put them into."""
        return True
