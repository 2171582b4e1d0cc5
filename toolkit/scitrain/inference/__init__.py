"""From a trained run to predictions: save, load (torch or onnxruntime), predict, write; imports nothing heavy."""

from scitrain.inference.config import TrainedConfig
from scitrain.inference.files import load_domain, load_predictor, read_config, save_model
from scitrain.inference.model import Backend, TrainedModel, load_model
from scitrain.inference.predictions import Predictions
from scitrain.inference.tables import StreamSummary, predict_stream, prediction_columns, write_predictions

__all__ = [
    "Backend",
    "Predictions",
    "StreamSummary",
    "TrainedConfig",
    "TrainedModel",
    "load_domain",
    "load_model",
    "load_predictor",
    "predict_stream",
    "prediction_columns",
    "read_config",
    "save_model",
    "write_predictions",
]
