"""What a trained generator leaves: weights, a first sample and what it is worth, figures, card."""

from collections import Counter

import numpy as np

from scitrain.chem.calculated import calculate_for
from scitrain.evaluation.bootstrap import wilson
from scitrain.figures.asked_and_got import AskedFor, asked_and_got
from scitrain.figures.learning_curve import learning_curve
from scitrain.figures.sample_shares import sample_shares
from scitrain.figures.save import save
from scitrain.generation.generator import Candidate, Generator
from scitrain.generation.heeding import heeded
from scitrain.generation.options import Sampling
from scitrain.generation.probing import SAMPLE, SHARES, shares
from scitrain.generation.teaching import Taught
from scitrain.render import render_generator_card, render_generator_report
from scitrain.render.generator_card import RESULTS
from scitrain.runs import Json, Run
from scitrain.training.journal import LOG
from scitrain.workflow.candidate_figures import ASKED_FIGURE, Drawing, draw_candidates
from scitrain.workflow.stages import stage

__all__ = ["SAMPLED", "finish_generator"]

SAMPLED = 1000
"""Draws that the shares are told of."""
REFERENCE = 2000
LEVELS = 9
"""Values of a condition that are asked, between its 5th and 95th percentile …"""
EACH = 50
"""… and draws for each."""
EXAMPLES = 10


def finish_generator(taught: Taught, seed: int, run: Run) -> dict[str, Json]:
    """Write models, results, figures and card; return the content of ``results/generator.json``."""
    generator = taught.generator
    chosen = np.random.default_rng(seed).permutation(taught.train)[:REFERENCE]
    reference = [taught.strings.texts[i] for i in np.sort(chosen)]
    generator.save(run, reference)
    with stage(run, "evaluate", f"drawing {SAMPLED:,} strings"):
        drawn = generator.candidates(SAMPLED, seed=seed)
        free = (
            generator.candidates(SAMPLED, sampling=Sampling(constrained=False), seed=seed)
            if _has_grammar(generator)
            else None
        )
        asked = _asked_for(generator, taught, seed, run)
        facts: dict[str, Json] = {
            "family": generator.config.family,
            "data": taught.strings.facts,
            "conditions": [condition.model_dump(mode="json") for condition in generator.config.conditions],
            "best_epoch": taught.learned.best_epoch,
            "val_loss": taught.learned.best_loss,
            "sample": _worth(drawn),
            "sample_without_grammar": None if free is None else _worth(free),
            "heeds": [{"name": one.name, "unit": one.unit or None, **heeded(one.asked, one.got)} for one in asked],
            "examples": list(dict.fromkeys(one.key for one in drawn if one.novel))[:EXAMPLES],
            **taught.facts,
        }
    run.write_json(RESULTS, facts)
    with stage(run, "report", "drawing figures, writing card and report"):
        _draw_learning(generator, run)
        _draw_draws(generator, drawn, reference, asked, run)
        render_generator_card(run)
        render_generator_report(run)
    return facts


def _draw_learning(generator: Generator, run: Run) -> None:
    log = run.read_json(LOG)
    save(learning_curve(log, f"Learning curve of {generator.config.family}"), run.file("figures/learning_curve.png"))
    told = [row for row in log["epochs"] if "valid" in row]
    if told:
        how = f"{SAMPLE} draws after each epoch, without grammar and conditions"
        save(sample_shares(told, how), run.file("figures/sample_shares.png"))


def _draw_draws(
    generator: Generator, drawn: list[Candidate], reference: list[str], asked: list[AskedFor], run: Run
) -> None:
    """Write figures of what was drawn: of the different ones, and drawings of the first that are new."""
    if any(len(one.got) for one in asked):
        save(
            asked_and_got(asked, f"draws of {generator.config.family} told one condition each"), run.file(ASKED_FIGURE)
        )
    keys = list(dict.fromkeys(one.key for one in drawn if one.key))
    if keys:
        new = list(dict.fromkeys(one.key for one in drawn if one.novel))[:EXAMPLES]
        subtitle = f"{len(keys):,} different draws told nothing, {len(reference):,} training strings"
        draw_candidates(run, Drawing(keys, reference, {}, subtitle, new), generator.config)


def _has_grammar(generator: Generator) -> bool:
    return not generator.config.family.endswith("_diffusion")


def _worth(found: list[Candidate]) -> dict[str, Json]:
    """Return the shares with their 95 % intervals (Wilson), and why draws are none."""
    told = shares([one.key for one in found], [one.novel for one in found])
    valid = sum(bool(one.key) for one in found)
    different = len({one.key for one in found if one.key})
    counts = dict(zip(SHARES, (len(found), valid, different), strict=True))
    worth: dict[str, Json] = {}
    for name, n in counts.items():
        low, high = wilson(told[name], n) if n else (0.0, 1.0)
        worth[name] = {"value": told[name], "low": low, "high": high, "n": n}
    worth["rejected"] = dict(Counter(one.problem for one in found if one.problem).most_common())
    return worth


def _asked_for(generator: Generator, taught: Taught, seed: int, run: Run) -> list[AskedFor]:
    """Ask for values of each condition that can be calculated, and return them with what was got."""
    found: list[AskedFor] = []
    for at, condition in enumerate(generator.config.conditions):
        if not condition.calculated:
            continue
        run.progress("evaluate", message=f"asking for values of {condition.name}")
        known = taught.strings.values[taught.train, at]
        asked = np.linspace(float(np.nanquantile(known, 0.05)), float(np.nanquantile(known, 0.95)), LEVELS)
        wanted, got = [], []
        for number, value in enumerate(asked.tolist()):
            drawn = generator.candidates(EACH, {condition.name: value}, seed=seed + 1 + number)
            keys = [one.key for one in drawn if one.key]
            got += calculate_for(generator.config.kind, keys, [condition.name])[:, 0].tolist()
            wanted += [value] * len(keys)
        found.append(AskedFor(condition.name, condition.unit or "", np.array(wanted), np.array(got)))
    return found
