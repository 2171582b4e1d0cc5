"""Which way a model can classify by descriptions, from its configuration."""

from typing import Any, Literal

import transformers

from scitrain.errors import ScitrainError, listed
from scitrain.models._hugging import come_from
from scitrain.weights import ZERO_SHOT

__all__ = ["DOES_WITHOUT", "Method", "choose_method", "configuration", "entailment_label"]

HF: Any = transformers
Method = Literal["entailment", "embedding", "clip"]
DOES_WITHOUT = "take few_shot_classify with a few examples a class"
READS: dict[Method, str] = {"entailment": "text", "embedding": "text", "clip": "image"}


def configuration(name: str) -> Any:  # noqa: ANN401 - a configuration of whichever class
    """Return the configuration of a model of the hub or of a folder.

    Raises:
        ScitrainError: It cannot be had; says which files to put where.
    """
    with come_from(name, DOES_WITHOUT) as where:
        try:
            return HF.AutoConfig.from_pretrained(name, **where)
        except ValueError as error:
            raise ScitrainError(f"{name!r} is no model that can be read: {str(error).splitlines()[0]}") from error


def choose_method(asked: Method | None, modality: str, name: str, config: Any) -> tuple[Method, str]:  # noqa: ANN401
    """Return how a model classifies, and why.

    Raises:
        ScitrainError: It reads other data, or lacks what the asked method needs.
    """
    able = _able(config)
    fitting = [method for method in able if READS[method] == modality]
    if asked is not None and READS[asked] != modality:
        raise ScitrainError(
            f"method={asked!r} reads {READS[asked]} data, and these are {modality}; {_instead(modality)}"
        )
    if not fitting:
        reads = "images" if "clip" in able else "texts"
        raise ScitrainError(
            f"{name!r} ({config.model_type}) reads {reads}, and these data are {modality}; {_instead(modality)}"
        )
    if asked is not None and asked not in fitting:
        raise ScitrainError(
            f"method='entailment' needs a model of natural language inference: {name!r} {_lacks(config)}; {_instead(asked)}"
        )
    if asked is not None:
        return asked, "asked for"
    return fitting[0], _why(fitting[0], config)


def _why(method: Method, config: Any) -> str:  # noqa: ANN401
    if method == "clip":
        return "the model puts pictures and texts into one space"
    if method == "embedding":
        return f"the model {_lacks(config)}: texts and descriptions are compared as points"
    return f"the model tells {config.id2label[entailment_label(config)]!r} from other things"


def entailment_label(config: Any) -> int | None:  # noqa: ANN401
    """Return which output says that the hypothesis follows; None where none does."""
    names = {int(i): str(name).lower() for i, name in (config.id2label or {}).items()}
    return next((i for i, name in names.items() if name.startswith("entail")), None)


def _able(config: Any) -> list[Method]:  # noqa: ANN401
    if type(config) in HF.AutoModelForZeroShotImageClassification._model_mapping:
        return ["clip"]
    nli: list[Method] = ["entailment"] if _classifies(config) and entailment_label(config) is not None else []
    points = type(config) in HF.AutoModel._model_mapping and not config.is_encoder_decoder
    return [*nli, "embedding"] if points else nli


def _classifies(config: Any) -> bool:  # noqa: ANN401
    return any(str(name).endswith("ForSequenceClassification") for name in config.architectures or ())


def _lacks(config: Any) -> str:  # noqa: ANN401
    if not _classifies(config):
        return f"has no classifier (it is a {listed(config.architectures or ['bare network'])})"
    return f"has no label for entailment; its labels are {listed(map(str, config.id2label.values()))}"


def _instead(what: str) -> str:
    ways = {"text": ("embedding", "entailment"), "image": ("clip",)}.get(what, (what,))
    names = [ZERO_SHOT[way][0] for way in ways if way in ZERO_SHOT]
    return f"take a model such as {listed(map(repr, names))}"
