"""Low-rank additions to linear layers (Hu et al. 2021, arXiv:2106.09685), by peft."""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import nn

from scitrain.errors import ScitrainError, listed

__all__ = ["add_lora", "merge_lora"]

ATTENTION = (
    "query", "key", "value", "q_lin", "k_lin", "v_lin", "q_proj", "k_proj", "v_proj", "qkv", "project", "Wqkv", "query_proj", "key_proj",
    "value_proj",
)  # fmt: skip
"""Ends of the names of attention's linear layers, in the networks there are."""


def add_lora(encoder: nn.Module, rank: int, modules: Sequence[str]) -> None:
    """Put additions W + B A · 2 of rank ``rank`` beside linear layers; they alone require a gradient then.

    Raises:
        ScitrainError: The network has no such layers; lists those it has.
    """
    from peft import LoraConfig, inject_adapter_in_model

    there = Counter(
        name.rpartition(".")[2] for name, module in encoder.named_modules() if isinstance(module, nn.Linear)
    )
    if not there:
        raise ScitrainError(
            "lora stands beside linear layers (torch.nn.Linear), and this network has none; take feature, partial or full"
        )
    wanted = [name for name in (modules or ATTENTION) if name in there]
    if not wanted or (modules and len(wanted) < len(modules)):
        named = listed(modules) if modules else "layers of attention"
        has = listed(f"{name} ({times})" for name, times in there.items())
        raise ScitrainError(
            f"lora finds no {named} in this network, which has {has}; name some with modules=[…], or take partial or full"
        )
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=wanted, lora_dropout=0.0)
    inject_adapter_in_model(config, encoder)
    for name, weight in encoder.named_parameters():
        weight.requires_grad_("lora_" in name)


def merge_lora(encoder: nn.Module) -> None:
    """Add the additions to the layers they stand beside, and take them away: the network is what it was, with other weights."""
    from peft.tuners.lora import LoraLayer

    for name, layer in list(encoder.named_modules()):
        if isinstance(layer, LoraLayer):
            with torch.no_grad():
                layer.merge(safe_merge=True)
            above, _, own = name.rpartition(".")
            setattr(encoder.get_submodule(above), own, layer.get_base_layer())
    for weight in encoder.parameters():
        weight.requires_grad_(True)
