"""Teach a generator, from strings to a run that can be drawn from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from pydantic import JsonValue

from scitrain.errors import DataError
from scitrain.generation.conditions import Condition, learn_conditions, standardised
from scitrain.generation.config import GeneratorConfig, Known
from scitrain.generation.corpus import LONGEST, Corpus
from scitrain.generation.generator import Generator
from scitrain.generation.gpt import ConditionalGPT, Heeded, build_gpt
from scitrain.generation.gpt_generator import GptGenerator
from scitrain.generation.languages import LANGUAGES, Language
from scitrain.generation.lesson import StringLesson
from scitrain.generation.options import Family, GeneratorOptions
from scitrain.generation.planning import Size, choose_family, choose_pacing, choose_size
from scitrain.generation.probing import Probe
from scitrain.generation.respelling import Respelling
from scitrain.generation.strings import Strings
from scitrain.runs import Run
from scitrain.spec import Spec
from scitrain.training.feeding import mix
from scitrain.training.loop import Learned, learn

__all__ = [
    "BATCH",
    "RATE",
    "Taught",
    "divided",
    "learning_key",
    "teach_generator",
    "tokenised",
    "tokens_in",
    "untaught",
]

NOTATIONS = {"smiles_gpt": "kekule", "selfies_gpt": "selfies", "matgpt": "composition"}
MOST_HELD_OUT = 2000
FEWEST = 10
RATE = 1e-3
BATCH = 64
UNTOLD = 0.4
"""Share of strings that are told no condition: from these alone forecasts are learned."""


@dataclass(frozen=True)
class Taught:
    """A generator, and how it came about."""

    generator: Generator
    learned: Learned
    strings: Strings
    train: np.ndarray
    """int64 rows of the strings that were taught."""
    facts: dict[str, JsonValue] = field(default_factory=dict)


def teach_generator(options: GeneratorOptions, strings: Strings, run: Run) -> Taught:
    """Choose, teach and return a generator.

    Raises:
        ScitrainError: The family does not fit the data, or an option does not fit another.
    """
    family, decision = choose_family(options, strings.kind)
    run.decide_all([decision])
    conditions = learn_conditions(strings.properties, strings.units, strings.values, strings.calculated)
    if family.endswith("_diffusion"):
        from scitrain.generation.diffusion.teaching import teach_diffusion

        return teach_diffusion(options, family, strings, conditions, run)
    return teach_gpt(options, family, strings, conditions, run)


def teach_gpt(
    options: GeneratorOptions, family: Family, strings: Strings, conditions: tuple[Condition, ...], run: Run
) -> Taught:
    """Teach a language model."""
    notation = "smiles" if options.aromatic else NOTATIONS[family]
    language, corpus, kept = tokenised(notation, strings, conditions, options.seed, run)
    pacing, decisions = choose_pacing(options, strings.kind, len(corpus.train), RATE, 0.0)
    size, why = choose_size(options, len(corpus.train), pacing.device)
    run.decide_all([*decisions, why])
    respell = Respelling(language, strings, kept, corpus, options.seed) if options.augment else None
    config = GeneratorConfig(
        family=family,
        notation=language.notation,
        kind=strings.kind,
        column=strings.column,
        conditions=conditions,
        known=tuple(sorted(tokens_in(corpus) | (respell.further() if respell else set()))),
        length=respell.length if respell else corpus.length,
        rows=len(strings.texts),
        source=strings.source,
    )
    untold = UNTOLD if options.condition_dropout is None else options.condition_dropout
    heeded = Heeded(len(conditions), forecasts=untold > 0)
    model = untaught(language, size, config.length, heeded, options.dropout, mix(options.seed, 1))
    generator = GptGenerator(config, Known.of(strings.texts), model, language)
    lesson = StringLesson(
        model,
        corpus,
        generator.words.pad,
        options.batch_size or BATCH,
        untold,
        options.seed,
        respell,
        Probe(generator, options.seed),
    )
    learned = learn(lesson, pacing, run, learning_key(options, config, corpus.tokens.flat, corpus.values))
    model.cpu()
    return Taught(generator, learned, strings, kept[corpus.train])


def untaught(language: Language, size: Size, length: int, heeded: Heeded, dropout: float, seed: int) -> ConditionalGPT:
    """Return a network with random weights for a language."""
    ours = language.tokenizer
    specials = ours.bos_token_id, ours.eos_token_id, ours.pad_token_id
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        shape = size.layers, size.width, size.heads
        return build_gpt(len(ours), specials, length, shape, heeded, dropout)


def tokens_in(corpus: Corpus) -> set[int]:
    """Return the ids that some string has."""
    return {int(i) for i in np.unique(corpus.tokens.flat)}


def tokenised(
    notation: str, strings: Strings, conditions: Sequence[Condition], seed: int, run: Run
) -> tuple[Language, Corpus, np.ndarray]:
    """Return the language, what is learned, and the rows of the strings that its notation can say.

    Raises:
        DataError: Hardly one can be said.
    """
    run.progress("prepare", message=f"writing {len(strings.texts):,} strings as {notation} tokens")
    spelled = LANGUAGES[notation]().spell_all(strings.texts)
    language = LANGUAGES[notation]([text for text in spelled if text])
    tokens = language.ids([text or "" for text in spelled])
    said = np.array([bool(text) for text in spelled], dtype=np.bool_)
    strange = tokens.having(language.tokenizer.unk_token_id)
    good = np.flatnonzero(said & (tokens.lengths <= LONGEST) & ~strange)
    if len(good) < FEWEST:
        raise DataError(
            f"{len(good)} of {len(spelled)} strings can be written as {notation} of at most {LONGEST} tokens; at least {FEWEST} are needed"
        )
    left_out = len(spelled) - len(good)
    if left_out:
        run.decide("strings left out", left_out, f"{notation} cannot say them, or they have more than {LONGEST} tokens")
    tokens = tokens.chosen(good)
    train, val = divided(len(good), seed)
    values = standardised(conditions, strings.values[good])
    run.decide("held out", len(val), "random strings, whose loss says when to stop")
    return language, Corpus(tokens, values, train, val, int(tokens.lengths.max())), good


def divided(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows to learn from and rows held out, at random: a twentieth, at most 2,000."""
    order = np.random.default_rng(mix(seed, 2)).permutation(rows)
    held = min(MOST_HELD_OUT, max(2, rows // 20))
    return np.sort(order[held:]), np.sort(order[:held])


def learning_key(options: GeneratorOptions, config: Spec, *arrays: np.ndarray) -> str:
    """Return a hash of all that the weights depend on, so that only its own checkpoint is taken up."""
    digest = hashlib.sha256(options.model_dump_json(exclude={"max_minutes", "checkpoint_seconds"}).encode())
    digest.update(config.model_dump_json().encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]
