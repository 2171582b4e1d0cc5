"""What is told of a compressed model."""

from collections.abc import Iterator, Mapping
from typing import Any

from scitrain.figures.words import DASH, number
from scitrain.render.facts import Facts
from scitrain.render.table import Table, table

__all__ = ["compression_table", "compression_words"]


def compression_table(facts: Facts) -> Table | None:
    """Return bytes, speed and loss of the original and of what was tried; None where nothing was compressed."""
    found = facts.compression
    if not found:
        return None
    body = [_original(found["original"]), *_tried(found)]
    unit = "% of the error" if found["loss_is"].startswith("share") else "points"
    head = ("model", "MB", "ms a row", "rows per s", f"loss on validation rows ({unit})", "kept")
    return table(
        f"Compressed from {found['source_run']}; ms of one row after other work, through onnxruntime", head, body
    )


def compression_words(facts: Facts) -> Iterator[str]:
    """Yield what must be known before a compressed model is trusted."""
    found = facts.compression
    if not found:
        return
    if found["kept"] is None:
        yield f"Compression was refused: what was tried lost too much or saved nothing; this is the model of {found['source_run']}."
        return
    test, metric = found["test"], found["metric"]["title"]
    lost = "unknown" if test is None or test["loss"] is None else f"{number(100 * test['loss'])}"
    unit = "% of the error" if found["loss_is"].startswith("share") else "points"
    yield (
        f"Compressed ({found['kept']}) from {found['source_run']}: on test rows the loss of {metric} is {lost} {unit}{_ends(test)}."
    )


def _original(said: Mapping[str, Any]) -> list[str]:
    return ["original", number(said["bytes"] / 1e6), number(said["median_ms"]), number(said["rows_per_s"]), DASH, DASH]


def _tried(found: Mapping[str, Any]) -> Iterator[list[str]]:
    for one in found["variants"]:
        kept = "yes" if one["kept"] else f"no: {one['reason']}"
        if "bytes" not in one:
            yield [one["method"], DASH, DASH, DASH, DASH, kept]
            continue
        loss = one["validation"]
        said = DASH if loss["loss"] is None else f"{number(100 * loss['loss'])}{_ends(loss)}"
        yield [
            one["method"],
            number(one["bytes"] / 1e6),
            number(one["median_ms"]),
            number(one["rows_per_s"]),
            said,
            kept,
        ]


def _ends(loss: Mapping[str, Any] | None) -> str:
    if loss is None or loss["low"] is None or loss["high"] is None:
        return ""
    return f" [{number(100 * loss['low'])}, {number(100 * loss['high'])}]"
