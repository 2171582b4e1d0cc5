"""Card and report of a MatT5: what it writes, how far that is right on rows of chemical systems it never saw, what it is not."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scitrain.figures.words import DASH, count, number, one_line, percent_interval, with_interval
from scitrain.render.candidates import CANDIDATES, first_rows
from scitrain.render.card import CARD
from scitrain.render.generator_card import LOG, UNSTATED, Span, made_by, plain_metadata
from scitrain.render.markup import environment
from scitrain.render.page import Page, render_page
from scitrain.render.table import Table, table
from scitrain.runs import Run, atomic_write

__all__ = ["WRITTEN", "render_writer_card", "render_writer_report", "render_written", "verdict"]

WRITTEN = "results/written.json"
GENERATION = "results/generation.json"
TITLES = {
    "parity": (
        "Written and measured",
        "Scatter plot of the numbers read from written texts against those of the test rows.",
    ),
    "learning_curve": ("Learning curve", "Training and held-out loss by epoch, with the best epoch marked."),
}
PYTHON = """import scitrain

said = scitrain.GenerateCandidates(run="{}", formulas=["Fe2O3", "LiCoO2"]).run()
print(said.summary())"""
INVENTS = "A text is what the network finds likeliest, not what is known: it writes as fluently where it is wrong."


def verdict(one: Mapping[str, Any]) -> str:
    """Return in one sentence what a column is worth beside what needs no T5."""
    if "reason" in one:
        return f"{one['name']}: {one['reason']}"
    gain, rival = one["gain"], one["rival"]
    low, high = gain["low"], gain["high"]
    said = (
        "cannot be told from"
        if low is None or high is None or low <= 0 <= high
        else "beats"
        if low > 0
        else "is worse than"
    )
    if one["number"]:
        own, other = _interval(one["mae"]), _interval(one["beside"][rival])
        return f"{one['name']}: MAE {own}, which {said} the {rival} ({other}); n = {count(one['n'])}"
    own, other = _interval(one["chrf"]), _interval(one["beside"][rival])
    exact = percent_interval(Span(one["exact"]))
    return (
        f"{one['name']}: chrF {own}, which {said} the {rival} ({other}); exactly right {exact}, n = {count(one['n'])}"
    )


def _interval(told: Mapping[str, Any]) -> str:
    return with_interval(Span(told), told["unit"])


def render_writer_card(run: Run) -> Path:
    """Write the card from the files of the run.

    Raises:
        RunStateError: The run has no ``results/written.json``.
        KeyError: A number is not there.
    """
    return atomic_write(run.path / CARD, environment().get_template("writer_card.md.j2").render(_words(run)))


def render_writer_report(run: Run) -> Path:
    """Write ``report.html`` from the files of the run.

    Raises:
        RunStateError: The run has no ``results/written.json``.
        KeyError: A number is not there.
    """
    told = _words(run)
    page = Page(
        title=told["title"],
        summary=f"{told['summary']}.",
        headline=told["verdicts"][0],
        outcome="beats"
        if " beats " in told["verdicts"][0]
        else "does_not_beat"
        if " is worse " in told["verdicts"][0]
        else "",
        verdicts=told["verdicts"][1:],
        limits=told["limits"],
        parts=[*filter(None, told["worth"]), told["examples"], told["writes"], told["training"], told["data"]],
        calls=[("In Python", told["python"]), ("On the command line", told["shell"])],
        whole=f"results/predictions.csv has the text of every test row. Licence of the data: {told['licence']}",
        made=[told["decisions"], told["environment"]],
    )
    return render_page(run, page, TITLES)


def render_written(run: Run) -> Path:
    """Write ``report.html`` of texts that were written of given formulas."""
    facts, made = run.read_json(GENERATION), made_by(run.record())
    page = Page(
        title=f"Written of {count(facts['found'])} formulas",
        summary=f"By MatT5, run {facts['generator']}.",
        headline=f"{count(facts['found'])} of {count(facts['wanted'])} formulas could be read",
        limits=[INVENTS, "The card of the generator's run tells how far its texts are right on test rows."],
        parts=[
            first_rows(run, CANDIDATES, "The first texts"),
            table("What texts say", ("column", "formulas"), [(name, count(n)) for name, n in facts["read"].items()]),
            table("The first that cannot be read", ("row", "why"), facts["errors"].items()),
        ],
        whole="results/candidates.csv has every text",
        made=[made["decisions"], made["environment"]],
    )
    return render_page(run, page, {})


def _words(run: Run) -> dict[str, Any]:
    """Return all that card and report say."""
    facts, log, record = run.read_json(WRITTEN), run.read_json(LOG), run.record()
    rows, names = facts["rows"], ", ".join(one["name"] for one in facts["writes"])
    return {
        "metadata": plain_metadata(["matt5", "formula"], "text2text-generation"),
        "title": f"MatT5 of {one_line(names)}: {one_line(facts['data']['source'])}",
        "summary": f"A T5 that writes {one_line(names)} of a formula, learned from {count(rows['train'])} formulas",
        "verdicts": [verdict(one) for one in facts["judged"]],
        "limits": list(_limits(facts, log)),
        "source": facts["data"]["source"],
        "column": facts["column"],
        "licence": facts["data"]["licence"] or UNSTATED,
        "writes": _writes(facts),
        "training": _training(facts, log),
        "data": _data(facts),
        "worth": [_numbers(facts), _texts(facts)],
        "examples": table(
            "The first test rows, not chosen",
            ("formula", "written", "in the table"),
            [(one["formula"], one["written"] or DASH, one["truth"]) for one in facts["examples"]],
        ),
        "python": PYTHON.format(run.id),
        "shell": f"scitrain generate-candidates --run {run.id} --formulas Fe2O3 LiCoO2",
        **made_by(record),
    }


def _writes(facts: Mapping[str, Any]) -> Table:
    body = [(one["name"], "a number" if one["number"] else "words", one["unit"] or DASH) for one in facts["writes"]]
    return table("What it writes", ("column", "as", "unit"), body)


def _training(facts: Mapping[str, Any], log: Mapping[str, Any]) -> Table:
    body = [
        (
            "objective",
            "mean negative log-likelihood of a token of the text given the formula and those before it, nats",
        ),
        ("parameters", count(log["parameters"])),
        ("epochs", f"{len(log['epochs'])}, best {facts['best_epoch']}"),
        ("held-out loss of the best", number(facts["val_loss"], 4)),
        ("longest text, in tokens", count(facts["length"])),
        ("stopped because", log["stopped"]),
        ("device and precision", f"{log['device']}, {log['precision']}"),
        ("time", f"{number(log['seconds'])} s"),
    ]
    return table("Training", ("what", "value"), body)


def _data(facts: Mapping[str, Any]) -> Table:
    data, rows = facts["data"], facts["rows"]
    body = [
        ("rows read", data["rows_read"]),
        ("of them used", data["rows_used"]),
        ("rows rejected", data["rows_rejected"]),
        ("different formulas with something to write", data["strings"]),
        ("learned from", rows["train"]),
        ("held out to stop by", rows["val"]),
        ("tested", rows["test"]),
    ]
    return table(
        "The data, divided by chemical systems", ("what", "number"), [(w, count(n)) for w, n in body], numeric=True
    )


def _numbers(facts: Mapping[str, Any]) -> Table:
    body = []
    for one in facts["judged"]:
        if one["number"] and "reason" not in one:
            beside = tuple(f"{name}: {_interval(told)}" for name, told in one["beside"].items())
            body.append(
                (
                    one["name"],
                    _interval(one["mae"]),
                    beside,
                    _interval(one["gain"]),
                    percent_interval(Span(one["read"])),
                    count(one["n"]),
                )
            )
    head = ("column", "MAE", "MAE of others on the same rows", "gain over the best of them", "read as a number", "n")
    return table(
        "Numbers of test rows, with 95 % intervals; what cannot be read counts as the training median", head, body
    )


def _texts(facts: Mapping[str, Any]) -> Table:
    body = []
    for one in facts["judged"]:
        if not one["number"] and "reason" not in one:
            near = one["beside"][one["rival"]]
            body.append(
                (
                    one["name"],
                    _interval(one["chrf"]),
                    _interval(near),
                    _interval(one["gain"]),
                    percent_interval(Span(one["exact"])),
                    count(one["n"]),
                )
            )
    head = ("column", "chrF", "chrF of the nearest training formula's text", "gain", "exactly right", "n")
    return table("Texts of test rows, with 95 % intervals", head, body)


def _limits(facts: Mapping[str, Any], log: Mapping[str, Any]) -> Iterator[str]:
    yield INVENTS
    if any(one["number"] for one in facts["writes"]):
        yield "Its numbers carry no interval and no training domain: those that train_model predicts have both."
    if any(not one["number"] for one in facts["writes"]):
        yield "chrF counts common letters: a text may share most of them and say the opposite."
    yield "It reads compositions: structures of one formula are one to it."
    if facts["best_epoch"] == len(log["epochs"]):
        yield "The last epoch was the best: longer training may lower the loss further."
