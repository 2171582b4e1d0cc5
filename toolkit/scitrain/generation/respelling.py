"""Other spellings of molecules while a language model learns."""

import numpy as np
from torch import Tensor

from scitrain.chem.molecules import random_spellings
from scitrain.generation.corpus import LONGEST, Corpus, padded
from scitrain.generation.languages import Language
from scitrain.generation.strings import Strings
from scitrain.tokenizers import Tokens
from scitrain.training.feeding import mix

__all__ = ["Respelling"]

ROOM = 1.3
"""Length of the longest spelling, as a part of that of the longest canonical string."""
RESPELLED = 2000
"""Strings whose other spellings are looked at for tokens that canonical ones lack."""


class Respelling:
    """Other spellings of molecules: random SMILES of each string in each epoch (Arús-Pous et al. 2019, doi:10.1186/s13321-019-0393-0)."""

    def __init__(self, language: Language, strings: Strings, kept: np.ndarray, corpus: Corpus, seed: int) -> None:
        self.language, self.strings, self.kept, self.corpus, self.seed = language, strings, kept, corpus, seed
        self.length = min(LONGEST, int(ROOM * corpus.length))

    def __call__(self, rows: np.ndarray, epoch: int) -> Tensor:
        """Return tokens (batch, length); a spelling that is too long, or unknown, is that of the data."""
        spelled = self.language.spell_all([self._other(int(row), epoch) for row in rows])
        ids = self.language.ids([text or "" for text in spelled])
        said = np.array([bool(text) for text in spelled], dtype=np.bool_)
        fit = said & (ids.lengths <= self.length) & ~ids.having(self.language.tokenizer.unk_token_id)
        both = Tokens.stacked([ids, self.corpus.tokens.chosen(rows)])
        numbers = np.arange(len(rows))
        return padded(both, np.where(fit, numbers, len(rows) + numbers), self.language.tokenizer.pad_token_id)

    def further(self) -> set[int]:
        """Return ids that some spellings have."""
        rows = self.corpus.train[:RESPELLED]
        return {int(i) for i in np.unique(self(rows, 0).numpy())}

    def _other(self, row: int, epoch: int) -> str:
        text = self.strings.texts[self.kept[row]]
        return random_spellings(text, 1, mix(self.seed, 4, epoch, row))[0]
