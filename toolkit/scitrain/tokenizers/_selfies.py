"""SELFIES as tokens."""

from collections.abc import Iterable

from transformers import PreTrainedTokenizerFast

from scitrain.chem import selfies_spelling
from scitrain.tokenizers._build import build

__all__ = ["selfies"]


def selfies(alphabet: Iterable[str] = (), generative: bool = False) -> PreTrainedTokenizerFast:
    """Return the tokenizer of SELFIES (Krenn et al. 2020, doi:10.1088/2632-2153/aba947): a bracket is a token.

    Every sequence of its tokens decodes to a molecule: it holds only symbols that the decoder reads.

    Args:
        alphabet: Symbols of the data beyond `selfies_spelling.COMMON`, as `selfies_spelling.alphabet` finds them; they
            follow the common ones, whose ids never change.
        generative: Frame a row by [BOS] … [EOS] and not by [CLS] … [SEP].

    Raises:
        DataError: A symbol of the alphabet is none that the decoder reads.
    """
    common = selfies_spelling.common()
    more = sorted(set(alphabet) - set(common) - {"."})
    selfies_spelling.check(more)
    return build([*common, *more], r"\[[^\[\]]*\]|[\s\S]", {"notation": "selfies"}, generative)
