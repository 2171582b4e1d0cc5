"""What a plug-in offers, a file each: operation, modality, model, exporter, executor."""

from scitrain.contracts.executor import Executor
from scitrain.contracts.exporter import Exporter
from scitrain.contracts.modality import Cleaned, Columns, Featuriser, Modality, Recognition
from scitrain.contracts.model import InputShape, ModelSpec
from scitrain.contracts.operation import Action, Job, Operation, Query, Result, Started

__all__ = [
    "Action",
    "Cleaned",
    "Columns",
    "Executor",
    "Exporter",
    "Featuriser",
    "InputShape",
    "Job",
    "Modality",
    "ModelSpec",
    "Operation",
    "Query",
    "Recognition",
    "Result",
    "Started",
]
