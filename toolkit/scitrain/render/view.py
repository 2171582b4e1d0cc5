"""What the templates of card and report may name."""

import json

from scitrain.figures.words import DASH, count, number, one_line, percent
from scitrain.inference.config import TrainedConfig
from scitrain.render import data, tables
from scitrain.render.adaptation import adaptation_table
from scitrain.render.compression import compression_table
from scitrain.render.facts import Facts
from scitrain.render.limits import limits_of
from scitrain.render.markup import value_words
from scitrain.render.together import together_table
from scitrain.render.transfer import lineage_table, transfer_table

__all__ = ["view"]

EXAMPLES = {
    "smiles": "CCO",
    "formula": "Fe2O3",
    "image": "picture.png",
    "series": "0.1 0.2 0.3",
    "sequence": "MKTAYIAKQR",
    "text": "a text",
}
FAMILIES = {
    "mlp": "multilayer perceptron",
    "cnn": "convolutional network",
    "resnet": "residual network",
    "rnn": "recurrent network",
    "timm": "image backbone",
    "torchvision": "image backbone",
    "pretrained": "pretrained Transformer",
    "cnn1d": "convolutional network along one axis",
    "transformer": "Transformer encoder",
    "stack": "layers declared in the request",
}
TASKS = {
    "regression": "predicts",
    "binary": "tells the two classes of",
    "multiclass": "tells the classes of",
    "multilabel": "predicts the labels",
    "mixed": "predicts, with a head each on one encoder, numbers and classes:",
}


SETS = ("set of classes", "sets")
SAID = {"regression": ("interval", "intervals"), "mixed": ("interval, or set of classes", "intervals or sets")}
"""What a prediction carries, one and many, where not sets."""


def view(facts: Facts) -> dict[str, object]:
    """Return the names that the templates use; values are plain words, escaped where they are put in."""
    return {
        "title": _title(facts),
        "summary": _summary(facts),
        "record": facts.record,
        "headline": facts.headline,
        "verdict": "" if facts.evaluation.verdict is None else facts.evaluation.verdict.sentence,
        "outcome": "" if facts.evaluation.verdict is None else facts.evaluation.verdict.outcome,
        "limits": limits_of(facts),
        "source": facts.source,
        "split": data.split_words(facts),
        "licence": facts.data.get("licence") or "not stated by the source; ask its owner before sharing data or model",
        "baselines": facts.baselines,
        "confidences": _few_shot(facts) or _zero_shot(facts),
        "calibration": _calibration(facts),
        "threshold": None
        if facts.config is None or facts.config.domain_threshold is None
        else number(facts.config.domain_threshold),
        "coverage": percent(facts.coverage),
        "follows": _follows(facts),
        "said": SAID.get(facts.task, SETS),
        "inputs": [] if facts.config is None else list(facts.config.input_columns),
        "example": _example(facts),
        "exported": sorted(facts.exports),
        "version": _version(facts),
        "request": json.dumps(facts.record.spec, indent=2, ensure_ascii=False),
        "dash": DASH,
        **_tables(facts),
    }


def _tables(facts: Facts) -> dict[str, object]:
    return {
        "metrics": tables.metrics_table(facts),
        "by_target": tables.by_target(facts),
        "together": together_table(facts),
        "validation": tables.validation_table(facts),
        "targets": tables.targets_table(facts),
        "conformal": tables.conformal_table(facts),
        "domain": tables.domain_table(facts),
        "data": data.data_table(facts),
        "rejected": data.rejected_table(facts),
        "left_out": data.columns_table(facts),
        "labels": data.labels_table(facts),
        "training": tables.training_table(facts),
        "transfer": transfer_table(facts),
        "adaptation": adaptation_table(facts),
        "lineage": lineage_table(facts),
        "architecture": tables.architecture_tables(facts),
        "decisions": tables.decisions_table(facts),
        "environment": tables.environment_table(facts),
        "exports": tables.exports_table(facts),
        "compression": compression_table(facts),
    }


def _named(facts: Facts) -> str:
    names = [one_line(target.name) for target in facts.targets]
    return names[0] if len(names) == 1 else f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''}"


def _title(facts: Facts) -> str:
    return f"{_named(facts)} from {facts.modality}: {one_line(facts.source)}"


def _few_shot(facts: Facts) -> str:
    """Return how far confidences and flags of few-shot learning can be trusted; empty where there is none."""
    if facts.few_shot is None:
        return ""
    return (
        "A confidence is softmax(−distance / T) over the prototypes, T fitted to support rows told by prototypes made without them. "
        "A row lies in the domain unless it is farther from its nearest prototype than all but 5 % of the support rows are from "
        "theirs, told in the same way."
    )


def _zero_shot(facts: Facts) -> str:
    """Return how far confidences of zero-shot classification can be trusted; empty where there is none."""
    found = facts.zero_shot
    if found is None:
        return ""
    how = (
        "as they are"
        if found["calibration"] is None
        else f"divided once more by {number(found['calibration'])}, fitted to labelled validation rows"
    )
    return (
        f"A confidence is softmax(score / T) over the labels, T = {number(found['temperature'])} ({found['temperature_from']}), {how}. "
        "It compares the labels with one another: a row that fits none of them has a confident label too."
    )


def _summary(facts: Facts) -> str:
    """Return one sentence that says what the model is."""
    if facts.zero_shot is not None:
        said = facts.zero_shot
        return (
            f"The {len(said['labels'])} classes of {_named(facts)} told apart by their descriptions, without training: {said['method']} by "
            f"{said['model']} (licence: {said['licence']})."
        )
    if facts.few_shot is not None:
        said = facts.few_shot
        distance = "cosine" if said["distance"] == "cosine" else "squared Euclidean"
        return (
            f"Prototypes of {len(said['classes'])} classes of {_named(facts)}: the mean of a few examples each, {distance} distance, in "
            f"{said['width']} dimensions ({said['encoder']})."
        )
    size = "" if facts.training is None else f", {count(facts.training.parameters)} parameters"
    inputs = "" if facts.config is None else f" from the column{_s(facts.config)} {_listed(facts.config.input_columns)}"
    several = f" ({len(facts.targets)} targets)" if len(facts.targets) > 1 else ""
    predicts = f"{TASKS[facts.task]} {_named(facts)}{several}"
    return f"{_networks(facts)}{size}, that {predicts}{inputs} (modality {facts.modality}).{_taught(facts)}"


def _networks(facts: Facts) -> str:
    """Return how many networks there are of which family, and what they read where they are unlike."""
    family = "network" if facts.config is None else value_words(facts.config.model["family"])
    kind = f"{family} ({FAMILIES[family]})" if family in FAMILIES else family
    members = facts.config.members if facts.config else 1
    if members == 1:
        return f"A network of the family {kind}"
    layers = facts.architecture
    unlike = f" ({layers.unlike}; their {layers.agreed})" if layers is not None and layers.unlike else ""
    return f"An ensemble of {members} networks of the family {kind}{unlike}"


def _taught(facts: Facts) -> str:
    """Return what a student kept of its teacher, or what adapting was worth; empty where there was neither."""
    if facts.adaptation is not None:
        return " ".join(["", *facts.adaptation["sentences"]])
    if facts.distillation is None:
        return ""
    return " ".join(["", f"It was taught by {facts.distillation['teacher']}.", *facts.distillation["sentences"]])


def _s(config: TrainedConfig) -> str:
    return "" if len(config.input_columns) == 1 else "s"


def _listed(names: tuple[str, ...]) -> str:
    words = [one_line(name) for name in names[:5]]
    return ", ".join(words) + (f", … ({len(names)} columns)" if len(names) > 5 else "")


def _calibration(facts: Facts) -> str:
    """Return what was done to the probabilities, and what is left."""
    if facts.temperature is None:
        return ""
    classed = facts.task != "mixed"
    values = [
        v for v, t in zip(facts.temperature.values, facts.targets, strict=False) if classed or t.classes is not None
    ]
    shown = ", ".join(number(value) for value in values[:6]) + (" …" if len(values) > 6 else "")
    return f"Logits are divided by a temperature learned on the validation split (T = {shown})."


def _follows(facts: Facts) -> str:
    """Return what makes an interval wide."""
    config = facts.config
    if config is None or not config.has_numbers:
        return ""
    what = {
        "gaussian": "the standard deviation that the network learned of each row (Gaussian head)",
        "quantile": "the quantiles that the network learned of each row, moved by what they lacked on validation rows",
    }
    apart = "how far the networks of the ensemble lie apart" if config.members > 1 else "nothing: all have one width"
    width = "The width of an interval" if config.task == "mixed" else "Its width"
    return f"{width} follows {what.get(config.head, apart)}."


def _version(facts: Facts) -> str:
    packages = facts.record.provenance.get("packages")
    return str(packages.get("scitrain", "")) if isinstance(packages, dict) else ""


def _example(facts: Facts) -> str:
    """Return an input as Python source."""
    columns = () if facts.config is None else facts.config.input_columns
    if len(columns) == 1:
        return repr([EXAMPLES.get(facts.modality, "1.5")])
    return repr([dict.fromkeys(columns, "…")])
