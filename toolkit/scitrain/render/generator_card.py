"""``MODEL_CARD.md`` of a generator: what it writes, of what it learned, what its draws are worth, what they are not."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scitrain.figures.words import DASH, count, number, one_line, percent_interval, with_unit
from scitrain.render.card import CARD
from scitrain.render.markup import environment, value_words
from scitrain.render.page import Page, render_page
from scitrain.render.table import Table, table
from scitrain.runs import Run, RunRecord, atomic_write

__all__ = [
    "FAMILIES",
    "LOG",
    "RESULTS",
    "UNSTATED",
    "WRITES",
    "Span",
    "made_by",
    "plain_metadata",
    "render_generator_card",
    "render_generator_report",
]

RESULTS = "results/generator.json"
LOG = "results/dl_training_log.json"
DECODER_LOG = "results/decoder_training_log.json"
"""Of a diffusion whose vectors a second network writes out."""
CONFIG = "models/generator.json"
UNSTATED = "not stated by the source; ask its owner before sharing data or model"
SHOWN = 5
WRITES = {"smiles": "molecules", "formula": "compositions"}
NOTATIONS = {
    "smiles": "SMILES",
    "kekule": "SMILES with double bonds in place of aromatic atoms, so that valences alone make a string a molecule",
    "selfies": "SELFIES",
    "composition": "elements with their amounts",
}
ENDS = {"smiles": "canonical SMILES", "formula": "reduced formulas"}
FAMILIES = {
    "smiles_gpt": "a GPT over tokens of SMILES",
    "selfies_gpt": "a GPT over tokens of SELFIES",
    "matgpt": "a GPT over tokens of compositions",
    "composition_diffusion": "a diffusion over vectors of compositions",
    "molecule_diffusion": "a diffusion over descriptors of molecules, with a decoder that writes them",
}
GPT = "mean negative log-likelihood of a token given those before it and the conditions, nats"
DECODER = "mean negative log-likelihood of a token of the molecule given its vector and those before it, nats"
DIFFUSION = "mean squared error of what the network predicts at a random step of the noise"
TITLES = {
    "learning_curve": ("Learning curve", "Training and held-out loss by epoch, with the best epoch marked."),
    "sample_shares": ("Draws while it learned", "Shares of draws that are valid, different and new, by epoch."),
    "asked": ("Asked and got", "Scatter plot of calculated properties of draws against what each was asked for."),
    "candidate_distributions": ("Properties of draws", "Histograms of properties of draws and of training strings."),
    "molecules": ("Draws", "Drawings of the first new molecules."),
    "elements": ("Elements", "Periodic table coloured by the share of draws with each element."),
}
NOTHING = "Valid says that a draw can be read as {} and no more: not that it is stable, can be made, is safe, or does what is wanted."
NOVEL = (
    "Novel says that a draw is none of the {} strings of the data: it may be a near copy. Networks memorise: where the data are "
    "confidential, so are weights and draws. evaluate_candidates tells the distance to what is known."
)
UNIQUE = "Unique is a share of {} valid draws: among more draws more are repeated."


class Span:
    """A share with its interval, as `percent_interval` reads it."""

    def __init__(self, told: Mapping[str, Any], name: str = "value") -> None:
        self.value, self.low, self.high = told[name], told["low"], told["high"]


def render_generator_card(run: Run) -> Path:
    """Write the card from the files of the run.

    Raises:
        RunStateError: The run has no ``results/generator.json``.
        KeyError: A number is not there.
    """
    return atomic_write(run.path / CARD, environment().get_template("generator_card.md.j2").render(_words(run)))


def render_generator_report(run: Run) -> Path:
    """Write ``report.html`` from the files of the run.

    Raises:
        RunStateError: The run has no ``results/generator.json``.
        KeyError: A number is not there.
    """
    told = _words(run)
    examples = [(str(i), text) for i, text in enumerate(told["examples"], 1)]
    page = Page(
        title=told["title"],
        summary=f"Writes {told['writes']}: {told['summary']}. Notation: {told['notation']}; draws end as {told['ends']}.",
        headline=f"Draws: {told['headline']}",
        limits=told["limits"],
        parts=[
            *(told[name] for name in ("sample", "heeds", "rejected", "conditions")),
            table("New ones, the first drawn, not chosen", ("draw", "as"), examples),
            *(told[name] for name in ("training", "decoder", "data")),
        ],
        calls=[("In Python", told["python"]), ("On the command line", told["shell"])],
        whole=f"results/generator.json has every number. Licence of the data: {told['licence']}",
        made=[told["decisions"], told["environment"]],
    )
    return render_page(run, page, TITLES)


def _words(run: Run) -> dict[str, Any]:
    """Return all that card and report say."""
    facts, log, config, record = run.read_json(RESULTS), run.read_json(LOG), run.read_json(CONFIG), run.record()
    decoder = run.read_json(DECODER_LOG) if (run.path / DECODER_LOG).is_file() else None
    kind, writes = "text-generation" if "gpt" in facts["family"] else None, WRITES[config["kind"]]
    return {
        "metadata": plain_metadata([facts["family"], config["kind"]], kind),
        "title": f"Generator of {writes}: {one_line(facts['data']['source'])}",
        "summary": f"{FAMILIES[facts['family']]}, learned from {count(facts['data']['strings'])} different {writes}",
        "writes": writes,
        "notation": NOTATIONS[config["notation"]],
        "ends": ENDS[config["kind"]],
        "headline": _shares(facts["sample"]),
        "limits": list(_limits(facts, config["notation"], [log] if decoder is None else [log, decoder])),
        "source": facts["data"]["source"],
        "column": config["column"],
        "licence": facts["data"]["licence"] or UNSTATED,
        "data": _data(facts["data"], config),
        "conditions": _conditions(facts["conditions"]),
        "training": _training(facts, log),
        "decoder": _decoder(decoder),
        "sample": _sample(facts),
        "rejected": _rejected(facts),
        "heeds": _heeds(facts["heeds"]),
        "examples": facts["examples"][:SHOWN],
        "wish": ", ".join(_wish(one) for one in facts["conditions"]),
        **_calls(run.id, facts["conditions"]),
        **made_by(record),
    }


def _calls(run_id: str, conditions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return how to draw, in Python and on the command line."""
    asked = {one["name"]: float(f"{one['mean']:.3g}") for one in conditions}
    python, shell = (
        (f", conditions={asked!r}", f" --conditions {shlex.quote(json.dumps(asked, ensure_ascii=False))}")
        if asked
        else ("", "")
    )
    return {
        "python": f"import scitrain\n\nfound = scitrain.GenerateCandidates(run={run_id!r}, n=100{python}).run()\nprint(found.summary())",
        "shell": f"scitrain generate-candidates --run {run_id} --n 100{shell}",
    }


def plain_metadata(tags: Sequence[str], pipeline: str | None) -> str:
    """Return the metadata block of a network without test metrics, in the words of the Hugging Face Hub."""
    from huggingface_hub import ModelCardData

    return ModelCardData(library_name="scitrain", tags=["scitrain", *tags], pipeline_tag=pipeline).to_yaml().strip()


def made_by(record: RunRecord) -> dict[str, Any]:
    """Return what the section on the making names."""
    body = [(d.what, value_words(d.value), d.why) for d in record.decisions]
    versions = record.provenance.get("packages")
    packages = versions if isinstance(versions, dict) else {}
    return {
        "record": record,
        "decisions": table("Choices made automatically", ("what", "value", "why"), body),
        "environment": table("Environment", ("what", "version"), [(k, value_words(v)) for k, v in packages.items()]),
        "request": json.dumps(record.spec, indent=2, ensure_ascii=False),
        "dash": DASH,
    }


def _share(told: Mapping[str, Any]) -> str:
    """Return a share with its interval; a dash where it is a share of nothing."""
    return percent_interval(Span(told)) if told["n"] else DASH


def _shares(sample: Mapping[str, Any]) -> str:
    told = ", ".join(f"{name} {_share(sample[name])}" for name in ("valid", "unique", "novel"))
    return f"{told} of {count(sample['valid']['n'])} draws"


def _data(data: Mapping[str, Any], config: Mapping[str, Any]) -> Table:
    body = [
        ("rows read", count(data["rows_read"])),
        ("of them used", count(data["rows_used"])),
        ("rows rejected", count(data["rows_rejected"])),
        ("repeated, taken once", count(data["repeated"])),
        ("different strings", count(data["strings"])),
        ("longest, in tokens", count(config["length"])),
        *((f"rejected: {why}", count(rows)) for why, rows in data["rejected"].items()),
    ]
    return table("The data and what cleaning left of them", ("what", "number"), body, numeric=True)


def _wish(condition: Mapping[str, Any]) -> str:
    return f"{condition['name']} {with_unit(number(condition['mean']), condition['unit'])}"


def _conditions(conditions: Sequence[Mapping[str, Any]]) -> Table:
    body = []
    for one in conditions:
        spread = f"{number(one['mean'])} ± {number(one['scale'])}"
        span = with_unit(f"{number(one['low'])} … {number(one['high'])}", one["unit"])
        of = "calculated from the structure" if one["calculated"] else "a column of the data"
        body.append((one["name"], span, with_unit(spread, one["unit"]), of))
    return table("Conditions it heeds", ("condition", "trained on", "mean ± standard deviation", "values"), body)


def _training(facts: Mapping[str, Any], log: Mapping[str, Any]) -> Table:
    objective = DIFFUSION if facts["family"].endswith("_diffusion") else GPT
    return table("Training", ("what", "value"), _trained(objective, facts["best_epoch"], facts["val_loss"], log))


def _decoder(log: Mapping[str, Any] | None) -> Table:
    """Return the training of what writes the vectors of a diffusion out; empty where vectors are compositions."""
    body = [] if log is None else _trained(DECODER, log["best_epoch"], log["val_loss"], log)
    return table("Training of the decoder, before it", ("what", "value"), body)


def _trained(objective: str, best: int, loss: float, log: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("objective", objective),
        ("parameters", count(log["parameters"])),
        ("epochs", f"{len(log['epochs'])}, best {best}"),
        ("held-out loss of the best", number(loss, 4)),
        ("stopped because", log["stopped"]),
        ("optimiser steps", count(log["steps"])),
        ("highest learning rate", number(log["learning_rate"])),
        ("device and precision", f"{log['device']}, {log['precision']}"),
        ("time", f"{number(log['seconds'])} s"),
    ]


def _ways(facts: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    ways = (("as drawn by default", facts["sample"]), ("without grammar", facts["sample_without_grammar"]))
    return [(how, sample) for how, sample in ways if sample is not None]


def _sample(facts: Mapping[str, Any]) -> Table:
    body = []
    for how, sample in _ways(facts):
        shares = (sample[name] for name in ("valid", "unique", "novel"))
        body.append((how, *(f"{_share(told)}, n = {count(told['n'])}" for told in shares)))
    head = ("draws", "valid, of all", "unique, of the valid", "novel, of the unique")
    return table("What draws are worth, with 95 % intervals (Wilson)", head, body, numeric=True)


def _rejected(facts: Mapping[str, Any]) -> Table:
    body = [(how, why, count(n)) for how, sample in _ways(facts) for why, n in sample["rejected"].items()]
    return table("Why draws are none", ("draws", "why", "number"), body)


def _heeds(heeds: Sequence[Mapping[str, Any]]) -> Table:
    body = [
        (
            one["name"],
            *(with_unit(number(one[name]), one["unit"]) for name in ("mae", "bias")),
            number(one["r2"]),
            count(one["n"]),
        )
        for one in heeds
    ]
    head = ("condition", "mean miss of what was asked", "bias: got minus asked", "R²", "valid draws")
    return table("How far conditions are heeded: asked between the 5th and 95th percentile", head, body, numeric=True)


def _limits(facts: Mapping[str, Any], notation: str, logs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield NOTHING.format("a composition" if notation == "composition" else "a molecule")
    if notation == "selfies":
        yield "Every SELFIES is a molecule: validity is the notation's, and no sign of what was learned."
    yield NOVEL.format(count(facts["data"]["strings"]))
    yield UNIQUE.format(count(facts["sample"]["unique"]["n"]))
    if notation == "composition":
        yield "A composition is no structure: whether it forms, and in which phase, is not said here."
    if unproven := [one["name"] for one in facts["conditions"] if not one["calculated"]]:
        yield f"Whether draws heed {', '.join(unproven)} was not measured: a draw does not tell it; let a trained model predict it."
    for one in facts["heeds"]:
        if one["r2"] is None:
            yield f"Whether draws follow {one['name']} could not be told: valid draws were {count(one['n'])}."
        elif one["r2"] <= 0:
            yield f"Draws do not follow {one['name']}: they scatter as far from what was asked as around their own mean, or farther."
    if any(log["best_epoch"] == len(log["epochs"]) for log in logs):
        yield "The last epoch was the best: longer training may lower the loss further."
    yield "The held-out loss chose the epoch, so it is no independent test."
