"""The data of a trained run, once more."""

from scitrain.data.options import DataOptions
from scitrain.data.prepare import prepare
from scitrain.data.prepared import Prepared
from scitrain.runs import Run
from scitrain.workflow.stages import stage

__all__ = ["prepared_again"]


def prepared_again(source: Run, run: Run) -> Prepared:
    """Prepare the data of a trained run as its own request said; read from the cache where nothing changed."""
    spec = source.record().spec
    options = DataOptions.model_validate({name: spec[name] for name in DataOptions.model_fields if name in spec})
    with stage(run, "prepare", "reading the data again"):
        return prepare(options, run.workspace, run)
