"""Does a text entail that it is about a label? By a model of natural language inference."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from scitrain.zeroshot.choosing import entailment_label
from scitrain.zeroshot.loading import loaded
from scitrain.zeroshot.scored import Scored, refuse_long, rows_at_once

__all__ = ["entailed"]

TOKENS = 1 << 12
"""Tokens computed at once."""
PLACES = 512
"""Tokens a pair where the network knows no limit."""
FEWEST = 8
"""Tokens that a description must leave to a text."""
Tick = Callable[[int, int], None]


def entailed(name: str, config: Any, texts: Sequence[str], claims: Sequence[str], tick: Tick) -> Scored:  # noqa: ANN401
    """Return how strongly each text entails each claim (Yin et al. 2019, doi:10.18653/v1/D19-1404).

    A label's score is the logit of entailment; alone, its probability is that of entailment against contradiction
    (against all else, where the model tells no contradiction).

    Args:
        name: Model of the hub, or folder.
        config: Its configuration, with a label for entailment.
        texts: Premises.
        claims: One hypothesis a label.
        tick: Told (pairs done, pairs in all).

    Raises:
        ScitrainError: Weights are lacking.
        DataError: A claim is longer than what the model reads.
    """
    network, tokenizer = loaded("AutoModelForSequenceClassification", name)
    most = _places(config, tokenizer)
    refuse_long(claims, [len(ids) for ids in tokenizer(list(claims))["input_ids"]], most - FEWEST)
    pairs = [(text, claim) for text in texts for claim in claims]
    lengths = np.array([len(ids) for ids in tokenizer([a for a, _ in pairs], [b for _, b in pairs])["input_ids"]])
    logits = np.zeros((len(pairs), int(config.num_labels)))
    done = 0
    for rows in rows_at_once(np.minimum(lengths, most), TOKENS):
        some = [pairs[int(row)] for row in rows]
        cut = {"truncation": "only_first", "max_length": most, "padding": True, "return_tensors": "pt"}
        with torch.inference_mode():
            said = network(**tokenizer([a for a, _ in some], [b for _, b in some], **cut)).logits
        logits[rows] = said.double().numpy()
        done += len(rows)
        tick(done, len(pairs))
    yes = int(entailment_label(config) or 0)
    shape = (len(texts), len(claims))
    short = (lengths <= most).reshape(shape).all(axis=1)
    alone = expit(logits[:, yes] - _against(config, logits, yes)).reshape(shape)
    return Scored(
        logits[:, yes].reshape(shape), 1.0, "the model's own logits of entailment", alone, int((~short).sum())
    )


def _against(config: Any, logits: np.ndarray, yes: int) -> np.ndarray:  # noqa: ANN401
    """Return the logit of contradiction, or of everything that is no entailment."""
    no = [int(i) for i, name in config.id2label.items() if str(name).lower().startswith("contra")]
    rest = no or [i for i in range(logits.shape[1]) if i != yes]
    found: np.ndarray = np.logaddexp.reduce(logits[:, rest], axis=1)
    return found


def _places(config: Any, tokenizer: Any) -> int:  # noqa: ANN401
    places = int(getattr(config, "max_position_embeddings", 0) or PLACES)
    # RoBERTa counts places from behind the padding's id
    places -= int(config.pad_token_id or 0) + 1 if config.pad_token_id else 0
    return min(places, int(tokenizer.model_max_length))
