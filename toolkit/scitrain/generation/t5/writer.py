"""A trained MatT5: formulas to texts, and what the texts say."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from pydantic import Field
from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

from scitrain.errors import RunStateError
from scitrain.generation.corpus import padded
from scitrain.generation.gpt import silent
from scitrain.generation.t5.network import load_t5
from scitrain.generation.t5.pairs import Written
from scitrain.resources import torch_threads
from scitrain.runs import Run, atomic_write
from scitrain.spec import Spec
from scitrain.tokenizers import Tokens, decode, load

__all__ = ["WRITER", "MatT5", "WriterConfig", "holds_writer", "load_writer"]

WRITER = "models/writer.json"
BATCH = 64


class WriterConfig(Spec):
    """What a MatT5 remembers of itself beside its weights."""

    version: int = 1
    column: str
    """Of the formulas."""
    writes: tuple[Written, ...]
    length: int = Field(ge=2)
    """Tokens of the longest training text, with what frames it."""
    rows: int
    source: str = ""


class MatT5:
    """P(text | formula) = ∏ₜ P(tokenₜ | encoder(formula), tokens before t)."""

    def __init__(
        self, config: WriterConfig, model: T5ForConditionalGeneration, tokenizer: PreTrainedTokenizerFast
    ) -> None:
        self.config, self.model, self.tokenizer = config, model, tokenizer

    def ids(self, texts: Sequence[str]) -> Tokens:
        """Return the ids of texts or formulas, each from [BOS] to [EOS]."""
        return Tokens.of(self.tokenizer(list(texts))["input_ids"] if texts else [])

    def write(self, formulas: Sequence[str], beams: int = 1, stop: Callable[[], None] = lambda: None) -> list[str]:
        """Return the likeliest text of each reduced formula, found token by token or among ``beams``; nothing is drawn."""
        tokens, found = self.ids(formulas), []
        device = self.model.device
        self.model.train(False)
        with torch.no_grad(), torch_threads():
            for start in range(0, len(formulas), BATCH):
                stop()
                rows = torch.arange(start, min(start + BATCH, len(formulas))).numpy()
                batch = padded(tokens, rows, self.tokenizer.pad_token_id).to(device)
                said = self.model.generate(
                    input_ids=batch,
                    attention_mask=(batch != self.tokenizer.pad_token_id).long(),
                    max_new_tokens=self.config.length,
                    num_beams=beams,
                    do_sample=False,
                )
                found += [decode(self.tokenizer, ids) for ids in said[:, 1:].tolist()]
        return found

    def save(self, run: Run) -> None:
        """Write transformers' own files, and the configuration beside them."""
        folder = run.path / Path(WRITER).parent
        folder.mkdir(parents=True, exist_ok=True)
        with silent():
            self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        atomic_write(run.path / WRITER, self.config.model_dump_json(indent=2) + "\n")


def holds_writer(run: Run) -> bool:
    """Tell whether a run is a finished MatT5."""
    return (run.path / WRITER).is_file()


def load_writer(run: Run) -> MatT5:
    """Return the MatT5 of a finished run, on the CPU.

    Raises:
        RunStateError: The run holds none.
    """
    if not holds_writer(run):
        raise RunStateError(f"run {run.id!r} holds no MatT5; give the id of a train_generator run of family matt5")
    folder = run.path / Path(WRITER).parent
    return MatT5(WriterConfig.model_validate(run.read_json(WRITER)), load_t5(folder), load(folder))
