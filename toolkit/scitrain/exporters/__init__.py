"""Export formats. To add one, put a file here with a subclass of ``Exporter``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from scitrain.contracts.exporter import Exporter
from scitrain.discovery import load_plugins, plugins
from scitrain.errors import UnknownNameError
from scitrain.runs import Run

if TYPE_CHECKING:
    import numpy as np

load_plugins(__name__)

EXPORTERS: dict[str, Exporter] = {cls.format: cls() for cls in plugins(Exporter)}  # type: ignore[type-abstract]
BUNDLE = "bundle"
"""Format name of the folder that predicts without torch; made from the ONNX file."""

__all__ = ["BUNDLE", "EXPORTERS", "check_formats", "export_files"]


def check_formats(formats: Sequence[str]) -> None:
    """Refuse a format that nobody writes; a `ValueError`, so that it can serve as a validator of requests."""
    for name in formats:
        if name not in EXPORTERS and name != BUNDLE:
            raise ValueError(str(UnknownNameError("export format", name, [*EXPORTERS, BUNDLE])))


def export_files(
    source: Run, run: Run, formats: Sequence[str], rows: "np.ndarray | None" = None, limit: int = 256
) -> dict[str, JsonValue]:
    """Export the model of ``source`` into ``run`` (which may be the same), verify the files, write ``export_check.json``.

    A file appears under its name only after it was verified; `BUNDLE` takes the ONNX file along.

    Args:
        source: Trained run.
        run: Run that gets ``models/…``.
        formats: Names of `EXPORTERS`, and `BUNDLE`.
        rows: Features (n, …) to compare on; None takes the test rows in ``results/predictions.csv`` of ``source``.
        limit: Rows compared, at most.

    Returns:
        Content of ``models/export_check.json``.

    Raises:
        UnknownNameError: No such format.
        ScitrainError: A format cannot hold this network, or its file does not predict what torch predicts.
    """
    from scitrain.exporters._export import export

    return export(source, run, formats, rows, limit)
