"""Molecules and compositions as tokens: Rust `tokenizers` behind transformers' own class, saved and loaded by its own calls.

Every tokenizer loses nothing: decoding gives the very text back, and what it does not know is one ``[UNK]`` a character,
found by `unknowns`. Vocabularies are fixed wherever the notation is finite, so that models of different data fit together.
"""

from scitrain.tokenizers._build import SPECIALS, Unknown, decode, load, notation, unknowns
from scitrain.tokenizers._bulk import encode
from scitrain.tokenizers._composition import Encoding, composition, spell
from scitrain.tokenizers._selfies import selfies
from scitrain.tokenizers._smiles import smiles
from scitrain.tokenizers._tokens import Tokens

__all__ = [
    "SPECIALS",
    "Encoding",
    "Tokens",
    "Unknown",
    "composition",
    "decode",
    "encode",
    "load",
    "notation",
    "selfies",
    "smiles",
    "spell",
    "unknowns",
]
