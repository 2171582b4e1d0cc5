"""scitrain: models of scientific data that are right by default and honest about how good they are.

Every operation is a class here: ``scitrain.TrainModel(data="esol.csv", target="logS").run()``. Importing the package
loads none of the heavy libraries.
"""

import os

from scitrain.contracts.operation import Result, Started
from scitrain.errors import ScitrainError
from scitrain.operations import OPERATIONS
from scitrain.operations.cancel_run import CancelRun
from scitrain.operations.compare_runs import CompareRuns
from scitrain.operations.compress_model import CompressModel
from scitrain.operations.design_materials import DesignMaterials
from scitrain.operations.distill_model import DistillModel
from scitrain.operations.evaluate_candidates import EvaluateCandidates
from scitrain.operations.evaluate_model import EvaluateModel
from scitrain.operations.explain_model import ExplainModel
from scitrain.operations.export_model import ExportModel
from scitrain.operations.few_shot_classify import FewShotClassify
from scitrain.operations.find_skill import FindSkill
from scitrain.operations.finetune_model import FinetuneModel
from scitrain.operations.generate_candidates import GenerateCandidates
from scitrain.operations.get_run import GetRun
from scitrain.operations.inspect_dataset import InspectDataset
from scitrain.operations.list_models import ListModels
from scitrain.operations.list_runs import ListRuns
from scitrain.operations.predict import Predict
from scitrain.operations.pretrain_transformer import PretrainTransformer
from scitrain.operations.profile_model import ProfileModel
from scitrain.operations.resume_run import ResumeRun
from scitrain.operations.tokenize_materials import TokenizeMaterials
from scitrain.operations.train_generator import TrainGenerator
from scitrain.operations.train_model import TrainModel
from scitrain.operations.tune_hyperparameters import TuneHyperparameters
from scitrain.runs import Run
from scitrain.workspace import Workspace

# Read by OpenMP when torch is loaded: threads that wait asleep instead of spinning. On a shared machine the small steps of
# these networks are several times faster; on a quiet one it costs a few per cent.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# An operation that another distribution, or a new file, brings is a name of the package like those above.
_plugged = {operation.__name__: operation for operation in OPERATIONS.values()}
globals().update(_plugged)

__all__ = [
    "OPERATIONS",
    "CancelRun",
    "CompareRuns",
    "CompressModel",
    "DesignMaterials",
    "DistillModel",
    "EvaluateCandidates",
    "EvaluateModel",
    "ExplainModel",
    "ExportModel",
    "FewShotClassify",
    "FindSkill",
    "FinetuneModel",
    "GenerateCandidates",
    "GetRun",
    "InspectDataset",
    "ListModels",
    "ListRuns",
    "Predict",
    "PretrainTransformer",
    "ProfileModel",
    "Result",
    "ResumeRun",
    "Run",
    "ScitrainError",
    "Started",
    "TokenizeMaterials",
    "TrainGenerator",
    "TrainModel",
    "TuneHyperparameters",
    "Workspace",
]
__all__ += sorted(_plugged.keys() - set(__all__))
