"""The data of a trained run, once more."""

from scitrain.data.options import DataOptions, DomainOptions
from scitrain.data.prepare import prepare
from scitrain.data.prepared import Prepared
from scitrain.runs import Run
from scitrain.workflow.domains import prepare_domains
from scitrain.workflow.stages import stage

__all__ = ["origin", "prepared_again", "refitted"]


def origin(source: Run) -> Run:
    """Return the run that read the data: the one given, or the one from whose model it was made."""
    record = source.record()
    while "data" not in record.spec and record.parents:
        source = Run.open(record.parents[0], source.workspace)
        record = source.record()
    return source


def refitted(source: Run) -> bool:
    """Tell whether a model has seen the validation rows of its own split, so that nothing can be calibrated on them."""
    return origin(source).record().spec.get("refit") is True


def prepared_again(source: Run, run: Run) -> Prepared:
    """Prepare the data of a trained run as its own request said; read from the cache where nothing changed."""
    spec = origin(source).record().spec
    options = DataOptions.model_validate({name: spec[name] for name in DataOptions.model_fields if name in spec})
    with stage(run, "prepare", "reading the data again"):
        if DomainOptions.model_fields.keys() <= spec.keys():
            domains = DomainOptions.model_validate({name: spec[name] for name in DomainOptions.model_fields})
            return prepare_domains(options, domains, run.workspace, run).prepared
        return prepare(options, run.workspace, run)
