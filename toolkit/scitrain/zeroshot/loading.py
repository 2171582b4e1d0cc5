"""Networks of Hugging Face with their heads, whole or not at all."""

from typing import Any

import torch
import transformers

from scitrain.models._hugging import come_from, taken
from scitrain.weights.fitting import misfit
from scitrain.zeroshot.choosing import DOES_WITHOUT

__all__ = ["loaded"]

HF: Any = transformers
COUNTED = "position_ids"
"""Tensors that hold no weights, and that files of earlier versions have."""


def loaded(kind: str, name: str) -> tuple[Any, Any]:
    """Return the network of a class of transformers, such as ``AutoModelForSequenceClassification``, and its tokenizer.

    Raises:
        ScitrainError: They cannot be had, or the weights are of another architecture: says which tensors.
    """
    with come_from(name, DOES_WITHOUT) as where, taken(name):
        network, report = getattr(HF, kind).from_pretrained(
            name, output_loading_info=True, ignore_mismatched_sizes=True, dtype=torch.float32, **where
        )
        tokenizer = HF.AutoTokenizer.from_pretrained(name, **where)
    missing = sorted(key for key in report["missing_keys"] if not key.endswith(COUNTED))
    apart = [f"{key} is {tuple(found)}, expected {tuple(wanted)}" for key, found, wanted in report["mismatched_keys"]]
    if missing or apart:
        misfit(f"the weights of {name!r}", missing, sorted(report["unexpected_keys"]), apart)
    return network.eval(), tokenizer
