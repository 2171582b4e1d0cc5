"""What each token of a row is called, and where attributions of tokens are added up."""

import numpy as np

from scitrain.contracts.modality import Featuriser

__all__ = ["by_element", "feature_of", "token_names"]

UNSEEN = "?"
"""A token that no training row had."""


def token_names(featuriser: Featuriser, ids: np.ndarray) -> list[str]:
    """Return a name for each token (length,) of a row, its padding included (an empty name)."""
    options = featuriser.options()
    kind = featuriser.model_dump().get("kind")
    if kind == "text_tokens":
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(str(options["tokenizer"]))
        return [(tokenizer.id_to_token(int(i)) or UNSEEN if i > 1 else UNSEEN) if i else "" for i in ids]
    if kind == "formula_elements":
        from scitrain.chem.formula_elements import FIRST_ELEMENT
        from scitrain.chem.formula_features import element_properties

        known = element_properties()[1]
        elements = [known[i - FIRST_ELEMENT] if i else "" for i in ids[: len(ids) // 2].tolist()]
        return [*elements, *[""] * (len(ids) - len(elements))]
    if kind == "sequence_tokens":
        from scitrain.modalities._sequence_features import ALPHABETS, GAP

        symbols: list[str] = [*ALPHABETS[str(options["alphabet"])], GAP]
    else:
        listed = options.get("vocabulary")
        symbols = [str(symbol) for symbol in listed] if isinstance(listed, list | tuple) else []
    return ["" if not i else symbols[i - 2] if 2 <= i < len(symbols) + 2 else UNSEEN for i in ids.tolist()]


def feature_of(featuriser: Featuriser, names: list[str]) -> list[str]:
    """Return the feature that each token counts for over many rows: its position where sequences are aligned, else its name."""
    template = featuriser.options().get("template")
    if not isinstance(template, str) or not template:
        return names
    varied = [at + 1 for at, letter in enumerate(template) if letter == " "]
    return [f"position {at}" for at in varied]


def by_element(names: list[str]) -> list[str]:
    """Return the element of each token of a formula: an amount belongs to the element before it."""
    found: list[str] = []
    for name in names:
        amount = bool(found) and (name.isdigit() or name in (".", UNSEEN))
        found.append(found[-1] if amount else name)
    return found
