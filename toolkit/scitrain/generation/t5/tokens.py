"""Tokens that formulas and texts share: bytes merged where they often stand together, so that nothing is unknown."""

from collections.abc import Iterable
from typing import Any, cast

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from scitrain.tokenizers import SPECIALS

__all__ = ["learn_tokens"]

MADE: Any = PreTrainedTokenizerFast  # its own constructor has no types
VOCABULARY = 4000
OFTEN = 3
"""Times that two pieces stand together before they become one."""
SYMBOL = r"[A-Z][a-z]?(?![a-z])"
"""An element of a formula; a capital that begins a word is none."""


def learn_tokens(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Return byte pairs (Sennrich et al. 2016, doi:10.18653/v1/P16-1162) of ``texts``; elements and digits stay apart.

    Decoding gives the very text back. A row is framed by [BOS] … [EOS].
    """
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SYMBOL), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            min_frequency=OFTEN,
            special_tokens=list(SPECIALS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    framed = [(name, made.token_to_id(name)) for name in ("[BOS]", "[EOS]")]
    made.post_processor = processors.TemplateProcessing(single="[BOS] $A [EOS]", special_tokens=framed)
    found = MADE(
        tokenizer_object=made,
        **{f"{name[1:-1].lower()}_token": name for name in SPECIALS},
        clean_up_tokenization_spaces=False,
        notation="pairs",
    )
    return cast(PreTrainedTokenizerFast, found)
