"""What a pretrained Transformer was shown to know, as words and tables: hidden tokens, views, properties."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scitrain.figures.words import DASH, count, joined, one_line, percent, percent_interval, with_interval, with_unit
from scitrain.render.generator_card import Span
from scitrain.render.table import Table, table

__all__ = ["doubts", "headline", "knowledge", "sentences"]

FIRST = 3
"""Properties that are told in one breath; the table has all."""


def sentences(facts: Mapping[str, Any]) -> list[str]:
    """Return one sentence for hidden tokens, for views and for each property that was judged, each beside its baseline."""
    hidden, views = facts["masked_accuracy"], facts["retrieval"]
    return [
        *([] if hidden is None else [_hidden(hidden)]),
        *([] if views is None else [_views(views)]),
        *(_property(rows) for rows in _by_target(facts["properties"])),
    ]


def headline(facts: Mapping[str, Any]) -> str:
    """Return the first of the sentences in one line."""
    shown = {row["target"]: None for row in facts["properties"]}
    cut = max(0, len(shown) - FIRST)
    said = sentences(facts)
    return joined(*said[: len(said) - cut], f"and {count(cut)} more properties below" if cut else "")


def knowledge(facts: Mapping[str, Any]) -> list[Table]:
    """Return a table for each objective that was judged."""
    hidden, views, rows = facts["masked_accuracy"], facts["retrieval"], facts["properties"]
    return [
        *([] if hidden is None else [_hidden_table(hidden)]),
        *([] if views is None else [_views_table(views)]),
        *([_properties_table(rows)] if rows else []),
    ]


def doubts(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what could not be shown, and what was not measured."""
    hidden, views = facts["masked_accuracy"], facts["retrieval"]
    if hidden is None:
        yield "No tokens were hidden in training: what it tells of the surroundings was not measured."
    elif hidden["low"] <= hidden["commonest"]:
        yield "It could not be shown to tell hidden tokens better than always the commonest: it knows little yet."
    if views is not None and views["low"] <= max(views["chance"], views["untrained"]):
        yield "It could not be shown to find the other view of a row more often than it did before it learned, or than by chance."
    for rows in _by_target(facts["properties"]):
        mae = rows["mae"]
        [(name, told)] = mae["baselines"].items()
        if told["difference_high"] is None or told["difference_high"] >= 0:
            why = f" ({one_line(mae['reason'])})" if mae["value"] is None else ""
            yield f"It could not be shown to tell {one_line(mae['target'])} better than the {name}{why}."
    judged = {row["target"] for row in facts["properties"]}
    if facts["objectives"].get("properties") and judged != set(facts["targets"]):
        yield "No held-out row has a label of the columns that were learned: how well they are told was not measured."


def _hidden(told: Mapping[str, Any]) -> str:
    right = percent_interval(Span(told, "accuracy"))
    return f"{right} of {count(told['n'])} hidden tokens of held-out rows told rightly; always the commonest: {percent(told['commonest'])}"


def _hidden_table(told: Mapping[str, Any]) -> Table:
    body = [
        ("the network", percent_interval(Span(told, "accuracy")), count(told["n"])),
        ("among its five likeliest", percent(told["top5"]), count(told["n"])),
        ("always the commonest token", percent(told["commonest"]), count(told["n"])),
    ]
    return table("Hidden tokens of held-out rows, told rightly", ("who", "share", "n"), body, numeric=True)


def _views(told: Mapping[str, Any]) -> str:
    return (
        f"the other view of {percent_interval(Span(told, 'top1'))} of {count(told['n'])} held-out rows found among {count(told['pool'])}; "
        f"by chance: {percent(told['chance'])}, before learning: {percent(told['untrained'])}"
    )


def _views_table(told: Mapping[str, Any]) -> Table:
    n = count(told["n"])
    body = [
        ("the network", percent_interval(Span(told, "top1")), n),
        ("the same network before it learned", percent(told["untrained"]), n),
        ("by chance", percent(told["chance"]), n),
    ]
    caption = f"The other view of a held-out row found first among {count(told['pool'])}"
    return table(caption, ("who", "share", "n"), body, numeric=True)


def _property(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what is said of one target: ``gap: MAE 0.41 [0.38, 0.44] eV, …``."""
    mae, name = rows["mae"], next(iter(rows["mae"]["baselines"]))
    if mae["value"] is None:
        return f"{one_line(mae['target'])}: not defined ({one_line(mae['reason'])})"
    own = ", ".join(f"{row['title']} {_with_interval(row, row)}" for row in rows.values())
    other = ", ".join(f"{row['title']} {_with_interval(row['baselines'][name], row)}" for row in rows.values())
    return f"{one_line(mae['target'])}: {own} on {count(mae['n'])} held-out rows; always the {name}: {other}"


def _properties_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    name = next(iter(rows[0]["baselines"]))
    body = []
    for row in rows:
        other = row["baselines"][name]
        less = Span({"value": other["difference"], "low": other["difference_low"], "high": other["difference_high"]})
        what = f"{one_line(row['target'])}: {row['title']}{'↑' if row['higher_is_better'] else '↓'}"
        unit = row["unit"]
        body.append(
            (what, _told(row, row), _told(other, row), with_unit(with_interval(less), unit), count(row["n"])),
        )
    caption = "Properties of held-out rows, each in its own unit, with 95 % bootstrap intervals"
    return table(caption, ("property", "the network", f"always the {name}", "difference", "n"), body, numeric=True)


def _told(measured: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Return a value with its interval, or a dash with the reason."""
    said = _with_interval(measured, row)
    return f"{said} ({one_line(measured['reason'])})" if said == DASH and measured["reason"] else said


def _with_interval(measured: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    return with_interval(Span(measured), row["unit"])


def _by_target(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Mapping[str, Any]]]:
    """Yield the rows of each target by metric."""
    for target in dict.fromkeys(row["target"] for row in rows):
        yield {row["name"]: row for row in rows if row["target"] == target}
