"""Teach a diffusion model of compositions or molecules, and the decoder that the latter needs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from pydantic import JsonValue

from scitrain.generation.conditions import Condition, standardised
from scitrain.generation.config import GeneratorConfig, Known
from scitrain.generation.diffusion.composition import CompositionSpace
from scitrain.generation.diffusion.denoiser import Denoiser
from scitrain.generation.diffusion.generator import DiffusionGenerator, decoder_config
from scitrain.generation.diffusion.latent import LatentSpace
from scitrain.generation.diffusion.lesson import NoiseLesson
from scitrain.generation.gpt import Heeded
from scitrain.generation.gpt_generator import GptGenerator
from scitrain.generation.lesson import StringLesson
from scitrain.generation.options import Family, GeneratorOptions
from scitrain.generation.planning import choose_pacing, choose_size
from scitrain.generation.probing import Probe
from scitrain.generation.strings import Strings
from scitrain.generation.teaching import BATCH as STRINGS
from scitrain.generation.teaching import RATE, Taught, divided, learning_key, tokenised, tokens_in, untaught
from scitrain.runs import Decision, Run
from scitrain.training.feeding import mix
from scitrain.training.loop import learn

__all__ = ["teach_diffusion"]

BATCH = 512
LAYERS, WIDTH = 4, 512
NOISE_RATE = 1e-3
AVERAGE = 0.999
DECODER_SHARE = 0.6
"""Of the minutes, where they are limited."""
DECODER_LOG = "results/decoder_training_log.json"
UNTOLD = 0.2
"""Share of rows that are told no condition."""
TOLD = 0.1
"""Share of strings that the decoder learns without their vector."""


class _Blank(NamedTuple):
    """What the denoiser is taught for."""

    config: GeneratorConfig
    space: CompositionSpace | LatentSpace
    decoder: GptGenerator | None


def teach_diffusion(
    options: GeneratorOptions, family: Family, strings: Strings, conditions: tuple[Condition, ...], run: Run
) -> Taught:
    """Teach the denoiser, and before it the decoder of molecules."""
    if family == "composition_diffusion":
        return _compositions(options, strings, conditions, run)
    return _molecules(options, strings, conditions, run)


def _compositions(options: GeneratorOptions, strings: Strings, conditions: tuple[Condition, ...], run: Run) -> Taught:
    space = CompositionSpace.of(strings.texts)
    rule = "elements whose first number is above 0, amounts rounded to whole ones from 1 to 99, the ratio reduced"
    run.decide("decoder", rule, "so that every vector is a formula")
    x = space.vectors(strings.texts)
    details = {"elements": list(space.elements), "mean": space.mean, "scale": space.scale, "reach": _reach(x)}
    config = _config(options, "composition_diffusion", "composition", strings, conditions, details)
    rows = np.arange(len(strings.texts))
    return _denoise(options, _Blank(config, space, None), x, rows, strings, run)


def _molecules(options: GeneratorOptions, strings: Strings, conditions: tuple[Condition, ...], run: Run) -> Taught:
    run.progress("prepare", message="describing molecules")
    space = LatentSpace.of(strings.texts, options.seed)
    x = space.vectors(strings.texts)
    config = _config(options, "molecule_diffusion", "selfies", strings, conditions, {"reach": _reach(x)})
    decoder, config, kept = _decoder(options, config, strings, x, run)
    return _denoise(options, _Blank(config, space, decoder), x[kept], kept, strings, run)


def _reach(x: np.ndarray) -> float:
    """Return the largest number, without the outermost 0.1 %."""
    return float(np.quantile(np.abs(x).max(axis=1), 0.999))


def _config(
    options: GeneratorOptions,
    family: Family,
    notation: str,
    strings: Strings,
    conditions: Sequence[Condition],
    details: dict[str, object],
) -> GeneratorConfig:
    told = {"noise_steps": options.noise_steps, "schedule": options.schedule, "predicts": options.predicts}
    size = {"layers": options.layers or LAYERS, "width": options.width or WIDTH}
    return GeneratorConfig.model_validate(
        {
            "family": family,
            "notation": notation,
            "kind": strings.kind,
            "column": strings.column,
            "conditions": tuple(conditions),
            "rows": len(strings.texts),
            "source": strings.source,
            "details": {**details, **told, **size},
        }
    )


def _decoder(
    options: GeneratorOptions, config: GeneratorConfig, strings: Strings, x: np.ndarray, run: Run
) -> tuple[GptGenerator, GeneratorConfig, np.ndarray]:
    """Teach a language model of SELFIES to write the molecule of a vector."""
    language, corpus, kept = tokenised("selfies", strings, (), options.seed, run)
    corpus = replace(corpus, values=x[kept])
    config = config.model_copy(update={"known": tuple(sorted(tokens_in(corpus))), "length": corpus.length})
    minutes = None if options.max_minutes is None else DECODER_SHARE * options.max_minutes
    part = options.model_copy(update={"max_minutes": minutes, "learning_rate": None})
    pacing, decisions = choose_pacing(part, strings.kind, len(corpus.train), RATE, 0.0)
    size, why = choose_size(
        options.model_copy(update={"layers": None, "width": None, "heads": None}), len(corpus.train), pacing.device
    )
    run.decide_all([Decision(what=f"decoder {one.what}", value=one.value, why=one.why) for one in [*decisions, why]])
    model = untaught(language, size, corpus.length, Heeded(x.shape[1]), 0.0, mix(options.seed, 6))
    lesson = StringLesson(model, corpus, language.tokenizer.pad_token_id, STRINGS, TOLD, options.seed)
    told = decoder_config(config, x.shape[1])
    learned = learn(lesson, pacing, run, learning_key(options, told, corpus.tokens.flat, corpus.values), part="decoder")
    log: dict[str, JsonValue] = {
        "epochs": [dict(row) for row in learned.history],
        "best_epoch": learned.best_epoch,
        "val_loss": learned.best_loss,
        "stopped": learned.stopped,
        **learned.facts,
    }
    run.write_json(DECODER_LOG, log)
    model.cpu()
    return GptGenerator(told, Known(np.zeros(0, dtype=np.uint64)), model, language), config, kept


def _denoise(
    options: GeneratorOptions, blank: _Blank, x: np.ndarray, kept: np.ndarray, strings: Strings, run: Run
) -> Taught:
    config, space, decoder = blank
    train, val = divided(len(x), options.seed)
    if decoder is not None and options.max_minutes is not None:
        options = options.model_copy(update={"max_minutes": (1 - DECODER_SHARE) * options.max_minutes})
    pacing, decisions = choose_pacing(options, "vector", len(train), NOISE_RATE, AVERAGE)
    run.decide_all(
        [
            *decisions,
            Decision(
                what="network",
                value=f"{config.details['layers']} blocks × {config.details['width']}",
                why="usual of vectors",
            ),
        ]
    )
    with torch.random.fork_rng():
        torch.manual_seed(mix(options.seed, 1))
        network = Denoiser(
            x.shape[1], int(str(config.details["width"])), int(str(config.details["layers"])), len(config.conditions)
        )
    generator = DiffusionGenerator(config, Known.of(strings.texts), network, space, decoder)
    values = standardised(config.conditions, strings.values[kept])
    lesson = NoiseLesson(
        network,
        generator.schedule,
        x,
        values,
        train,
        val,
        options.batch_size or BATCH,
        UNTOLD if options.condition_dropout is None else options.condition_dropout,
        options.seed,
        Probe(generator, options.seed),
    )
    learned = learn(lesson, pacing, run, learning_key(options, config, x, values))
    network.cpu()
    return Taught(generator, learned, strings, kept[train])
