"""``MODEL_CARD.md`` of a pretrained Transformer: what it learned of what, what it knows, how to go on from it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scitrain.figures.words import count, number, one_line
from scitrain.render.card import CARD
from scitrain.render.generator_card import UNSTATED, made_by, plain_metadata
from scitrain.render.knowledge import doubts, headline, knowledge
from scitrain.render.markup import environment
from scitrain.render.page import Page, render_page
from scitrain.render.table import Table, table
from scitrain.runs import Run, atomic_write

__all__ = ["FACTS", "LOG", "render_pretraining_card", "render_pretraining_report"]

FACTS = "results/pretraining.json"
LOG = "results/pretraining_log.json"
NAMES = {"composition": "MatBERT", "smiles": "SMILES BERT"}
READS = {"composition": "formulas", "smiles": "molecules"}
HELD = {
    "composition": "whole chemical systems: none with the same elements is learned from",
    "smiles": "molecules one by one: near relatives of a held-out one may have been learned from",
}
PYTHON = """import scitrain

tuned = scitrain.FinetuneModel(data="labels.csv", target="y", source="{}", compare=["scratch", "full"]).run()
print(tuned.summary())"""
OWN = """import torch
from scitrain.modalities.formula import FormulaElements
from scitrain.models._matbert import MatBert

rows, errors = FormulaElements(columns=("formula",)).transform({"formula": ["Fe2O3", "LiCoO2"]})
ids, amounts = torch.from_numpy(rows).long().chunk(2, dim=1)
states = MatBert.from_pretrained("models").eval().states(ids, amounts * 1e-7)  # (formulas, elements, width)"""
"""How a MatBERT is read by itself: transformers' own class of BERT knows neither amounts nor properties of elements."""
TITLES = {
    "pretraining_curve": ("Learning curve", "Training and held-out loss by epoch, with the best epoch marked."),
    "masked_accuracy": (
        "Hidden elements",
        "Periodic table coloured by the share of hidden places of each element told rightly.",
    ),
    "embedding_map": (
        "Map of held-out rows",
        "Scatter plot of held-out rows as the network sees them, coloured by a property.",
    ),
}
OBJECTIVES = {
    "masked": "tell hidden tokens from the rest of the row",
    "causal": "tell each next token from those before it",
    "contrastive": "know two views of one row among those of others",
    "properties": "predict the columns",
}


def render_pretraining_card(run: Run) -> Path:
    """Write the card from the files of the run.

    Raises:
        RunStateError: The run has no ``results/pretraining.json``.
        KeyError: A number is not there.
    """
    return atomic_write(run.path / CARD, environment().get_template("pretraining_card.md.j2").render(_words(run)))


def render_pretraining_report(run: Run) -> Path:
    """Write ``report.html`` from the files of the run.

    Raises:
        RunStateError: The run has no ``results/pretraining.json``.
        KeyError: A number is not there.
    """
    told = _words(run)
    guard = f"Leak guard: never seen is what {told['exclude']} names." if told["exclude"] else "No leak guard was set."
    page = Page(
        title=told["title"],
        summary=f"{told['summary']}: {told['held']}. {guard}",
        headline=f"Held-out rows: {told['headline']}" if told["headline"] else "",
        limits=told["limits"],
        parts=[*told["knowledge"], told["objectives"], told["training"], told["data"]],
        calls=[("In Python", told["python"]), ("On the command line", told["shell"])],
        whole=f"results/pretraining.json has every number. Licence of the data: {told['licence']}",
        made=[told["decisions"], told["environment"]],
    )
    return render_page(run, page, TITLES)


def _words(run: Run) -> dict[str, Any]:
    """Return all that card and report say."""
    facts, log, record = run.read_json(FACTS), run.read_json(LOG), run.record()
    hidden, name, reads = facts["masked_accuracy"], NAMES[facts["notation"]], READS[facts["notation"]]
    own = facts["notation"] == "composition"
    rows = f"{count(facts['rows']['kept'])} different ones, {count(facts['rows']['held_out'])} of them held out"
    return {
        "metadata": plain_metadata([facts["notation"], "pretrained"], "fill-mask" if hidden and not own else None),
        "title": f"{name} ({facts['size']}) pretrained on {one_line(facts['data'])}",
        "summary": f"A Transformer that reads {reads}, pretrained on {rows}",
        "headline": headline(facts),
        "objectives": _objectives(facts),
        "limits": list(_limits(facts, log)),
        "source": facts["data"],
        "exclude": facts["exclude"],
        "licence": facts["licence"] or UNSTATED,
        "held": HELD[facts["notation"]],
        "data": _data(facts["rows"]),
        "training": _training(log),
        "knowledge": knowledge(facts),
        "by_token": hidden is not None,
        "python": PYTHON.format(run.id),
        "own": OWN if own else "",
        "shell": f"scitrain finetune-model --data labels.csv --target y --source {run.id}",
        **made_by(record),
    }


def _objectives(facts: Mapping[str, Any]) -> Table:
    body = []
    for name, weight in facts["objectives"].items():
        what = OBJECTIVES[name] + (f" {', '.join(facts['targets'])}" if name == "properties" else "")
        loss = number(facts["held_out_loss"][f"val_{name}"], 4) if weight else "not trained"
        body.append((name, what, number(weight), loss))
    unit = "; the loss of properties is Huber's, in standard deviations" if "properties" in facts["objectives"] else ""
    return table(f"Objectives{unit}", ("objective", "what is learned", "weight", "held-out loss"), body)


def _data(rows: Mapping[str, Any]) -> Table:
    names = {
        "read": "rows read",
        "invalid": "not valid",
        "repeated": "repeated, taken once",
        "excluded": "named in what shall not be seen",
        "kept": "different rows",
        "held_out": "of them held out",
    }
    body = [(said, count(rows[name])) for name, said in names.items()]
    return table("The corpus and what cleaning left of it", ("what", "number"), body, numeric=True)


def _training(log: Mapping[str, Any]) -> Table:
    body = [
        ("parameters", count(log["parameters"])),
        ("epochs", f"{len(log['epochs'])}, best {log['best_epoch']}"),
        ("stopped because", log["stopped"]),
        ("time", f"{number(log['seconds'])} s"),
    ]
    return table("Training", ("what", "value"), body)


def _limits(facts: Mapping[str, Any], log: Mapping[str, Any]) -> Iterator[str]:
    yield from doubts(facts)
    if facts["exclude"] is None:
        yield "Nothing was excluded: rows that later test a fine-tuned model may have been seen here; name them in `exclude`."
    else:
        yield "The leak guard leaves out the same formulas or molecules, not their near relatives."
    if facts["targets"]:
        yield "Values of its columns were learned: they must not be what a fine-tuned model is tested on."
    if facts["notation"] == "composition":
        yield "It reads compositions: structures of one formula are one to it."
    if log["best_epoch"] == len(log["epochs"]):
        yield "The last epoch was the best: longer training may lower the loss further."
    yield "The held-out loss chose the epoch, so it is no independent test."
    yield "A lower loss promises no better fine-tuning: compare with training from scratch."
