"""The data of a trained run, once more."""

from scitrain.data.options import DataOptions
from scitrain.data.prepare import prepare
from scitrain.data.prepared import Prepared
from scitrain.runs import Run
from scitrain.workflow.stages import stage

__all__ = ["prepared_again"]


def prepared_again(source: Run, run: Run) -> Prepared:
    """Prepare the data of a trained run as its own request said; read from the cache where nothing changed."""
    spec = _with_data(source).record().spec
    options = DataOptions.model_validate({name: spec[name] for name in DataOptions.model_fields if name in spec})
    with stage(run, "prepare", "reading the data again"):
        return prepare(options, run.workspace, run)


def _with_data(source: Run) -> Run:
    """Return the run whose request names the data: this one, or that from which it was made, as a student from its teacher."""
    while "data" not in source.record().spec and source.record().parents:
        source = Run.open(source.record().parents[0], source.workspace)
    return source
