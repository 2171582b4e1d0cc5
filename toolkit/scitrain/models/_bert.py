"""Architectures of the BERTs that are pretrained here: sizes, vocabularies, what a saved folder says."""

import json
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from scitrain.errors import ScitrainError
from scitrain.weights import check_folder

__all__ = ["SIZES", "SMILES_PLACES", "Size", "architecture", "notation_in", "read_architecture"]

Size = Literal["small", "base", "large"]
SIZES: dict[Size, tuple[int, int, int]] = {"small": (3, 128, 4), "base": (6, 512, 8), "large": (12, 768, 12)}
"""Layers, width, heads."""
SMILES_PLACES = 512
"""Tokens a molecule, those that frame it included."""
VOCABULARIES = {"smiles": 423, "composition": 127}
"""Sizes of the fixed vocabularies of `scitrain.tokenizers`; a test holds them."""
PLACES = {"smiles": SMILES_PLACES, "composition": 16}


def architecture(notation: Literal["smiles", "composition"], size: Size, dropout: float = 0.1) -> dict[str, JsonValue]:
    """Return the configuration of a BERT as JSON; 4 units of the feed-forward layers for each of the width."""
    layers, width, heads = SIZES[size]
    return {
        "model_type": "bert",
        "vocab_size": VOCABULARIES[notation],
        "num_hidden_layers": layers,
        "hidden_size": width,
        "num_attention_heads": heads,
        "intermediate_size": 4 * width,
        "max_position_embeddings": PLACES[notation],
        "type_vocab_size": 1,
        "pad_token_id": 0,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
    }


def notation_in(folder: Path) -> str | None:
    """Return what the texts of a saved network are, such as ``smiles`` or ``composition/repeated``; None where it is not said."""
    told = folder / "tokenizer_config.json"
    found = json.loads(told.read_text(encoding="utf-8")).get("notation") if told.is_file() else None
    return str(found) if found else None


def read_architecture(folder: Path, notation: str) -> dict[str, JsonValue]:
    """Return the configuration of a folder that pretrain_transformer wrote for texts of a notation.

    Raises:
        ScitrainError: It is no such folder, or one for other texts.
    """
    if not folder.is_dir():
        raise ScitrainError(f"no folder {str(folder)!r}; expected the models folder of a run of pretrain_transformer")
    check_folder(folder)
    config: dict[str, JsonValue] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    said = notation_in(folder) or "texts of its own"
    if not said.startswith(notation):
        raise ScitrainError(
            f"the folder {str(folder)!r} holds a network that reads {said}, and {notation} is wanted; family 'pretrained' takes the others"
        )
    return {name: value for name, value in config.items() if name not in ("architectures", "transformers_version")}
