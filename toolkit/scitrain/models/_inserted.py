"""Small trained parts inside a pretrained Transformer: bottlenecks behind its layers, prompts before its tokens, prefixes."""

import warnings
from typing import Any

from torch import Tensor, nn

from scitrain.errors import ScitrainError

__all__ = ["Bottleneck", "insert"]


class Bottleneck(nn.Module):
    """h ↦ h + W₂ GELU(W₁ norm(h)), which changes nothing at first (Houlsby et al. 2019, arXiv:1902.00751)."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.down = nn.Linear(width, units)
        self.up = nn.Linear(units, width)
        self.activation = nn.GELU()
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, rows: Tensor) -> Tensor:
        """Map (…, width) to the same."""
        return rows + self.up(self.activation(self.down(self.norm(rows))))  # type: ignore[no-any-return]


class _Followed(nn.Module):
    """A layer, and a bottleneck behind it."""

    def __init__(self, layer: nn.Module, bottleneck: Bottleneck) -> None:
        super().__init__()
        self.layer, self.bottleneck = layer, bottleneck

    def forward(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the layer takes and gives
        out = self.layer(*args, **options)
        return (self.bottleneck(out[0]), *out[1:]) if isinstance(out, tuple) else self.bottleneck(out)


def insert(backbone: nn.Module, adapter: int, prompt: int, prefix: int) -> nn.Module:
    """Return the network with what is asked for, each 0 for none.

    Raises:
        ScitrainError: This network takes no such part.
    """
    if (adapter > 0) + (prompt > 0) + (prefix > 0) > 1:
        raise ScitrainError("adapter, prompt and prefix are three ways of doing one thing; ask for one of them")
    if adapter:
        _follow(backbone, adapter)
    if prompt or prefix:
        return _virtual(backbone, prompt, prefix)
    return backbone


def _follow(backbone: nn.Module, units: int) -> None:
    """Put a bottleneck behind each layer of the longest list of them."""
    lists = [module for module in backbone.modules() if isinstance(module, nn.ModuleList)]
    layers = max(lists, key=len, default=nn.ModuleList())
    if not len(layers):
        raise ScitrainError(
            f"{type(backbone).__name__} has no list of layers to put adapters behind; take lora or partial"
        )
    for i, layer in enumerate(layers):
        layers[i] = _Followed(layer, Bottleneck(int(backbone.config.hidden_size), units))  # type: ignore[union-attr,arg-type]


def _virtual(backbone: nn.Module, prompt: int, prefix: int) -> nn.Module:
    """Put learned vectors before the tokens, or before the keys and values of each layer."""
    from peft import PrefixTuningConfig, PromptTuningConfig, TaskType, get_peft_model

    config: Any = backbone.config
    if prefix and config.model_type == "esm":
        raise ScitrainError("ESM takes no prefix before its keys and values; take prompt, adapter or lora")
    kind = PromptTuningConfig if prompt else PrefixTuningConfig
    wanted = kind(
        task_type=TaskType.FEATURE_EXTRACTION,
        num_virtual_tokens=prompt or prefix,
        token_dim=config.hidden_size,
        num_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks the network by a name that transformers will drop
        found: nn.Module = get_peft_model(backbone, wanted)
    return found
