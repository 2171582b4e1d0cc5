"""Few-shot learning from a request to its numbers: encode, divide the classes, learn, measure or classify."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from scitrain.errors import DataError, UnknownNameError, listed
from scitrain.fewshot.episodes import Drawing
from scitrain.fewshot.episodic import Lessons, Taught, teach
from scitrain.fewshot.measuring import Measured, Spaces, measure
from scitrain.fewshot.networks import encode, projection
from scitrain.fewshot.prototypes import Distance
from scitrain.fewshot.support import Selection
from scitrain.inference import TrainedConfig
from scitrain.runs import Run
from scitrain.workflow.encoders import FEATURES, Encoder, natural_encoder, pretrained_encoder, run_encoder
from scitrain.workflow.examples import Examples
from scitrain.workflow.stages import stage, ticker

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Asked", "Material", "Plan", "divide", "encoded", "evaluated", "gather", "plan_episodes", "seen_by"]

SHOTS = 5
VAL_CLASSES_FROM = 8
"""Base classes from which some of them validate the training; with fewer, rows of all of them do."""
VAL_SHARE = 0.25
LEARNING_RATES = {"projection": 1e-3, "encoder": 3e-4}

Training = Literal["none", "projection", "encoder"]


@dataclass(frozen=True)
class Asked:
    """What the request says about episodes and learning."""

    way: int | None
    shots: int | None
    queries: int
    episodes: int
    distance: Distance
    select: Selection
    train: Training
    train_episodes: int
    seed: int


@dataclass(frozen=True)
class Material:
    """Examples with their points, and which classes are told apart."""

    examples: Examples
    told: list[int]
    """Classes that are told apart."""
    base: list[int]
    """All others: what may be trained on."""
    encoder: Encoder
    network: "nn.Module"
    """The encoder, with what was learned on the base classes."""
    spaces: Spaces
    taught: Taught | None = None

    def names(self) -> tuple[str, ...]:
        """Return the names of the classes told apart."""
        return tuple(self.examples.classes[k] for k in self.told)


def seen_by(config: TrainedConfig | None, examples: Examples) -> set[str]:
    """Return the classes of the examples that the encoder was trained to tell apart."""
    if config is None or config.task not in ("multiclass", "binary"):
        return set()
    target = config.targets[0]
    known = set(target.classes or ())
    same = target.name == examples.target or known <= set(examples.classes)
    return known & set(examples.classes) if same else set()


def divide(
    examples: Examples, wanted: Sequence[str] | None, seen: set[str], asked: Asked, judged: bool, run: Run
) -> tuple[list[int], list[int]]:
    """Return the classes that are told apart, and the base classes.

    Args:
        examples: All rows.
        wanted: Classes that the request names.
        seen: Classes the encoder was trained on.
        asked: Whether base classes are needed.
        judged: True where the classes are held out to judge by: then none that was seen.
        run: Told of the choice.

    Raises:
        UnknownNameError: A named class is not there.
        DataError: Fewer than two classes, or classes to be judged by that the encoder has seen.
    """
    for name in wanted or ():
        if name not in examples.classes:
            raise UnknownNameError("class", name, list(examples.classes))
    told, why = _told(examples, wanted, seen, asked, judged)
    if judged and wanted is None:
        told, why = _large_enough(examples, told, why, (asked.shots or SHOTS) + 1)
    if judged and (known := sorted(set(told) & seen)):
        raise DataError(
            f"classes={listed(known)} cannot be held out: the encoder was trained on them; leave them out "
            f"(unseen: {listed(sorted(set(examples.classes) - seen)) or 'none'})"
        )
    if len(told) < 2:
        raise DataError(
            f"{len(told)} class{'' if len(told) == 1 else 'es'} to tell apart, at least 2 are needed; {examples.source} has "
            f"{listed(examples.classes)}" + (f", of which the encoder has seen {listed(sorted(seen))}" if seen else "")
        )
    run.decide("classes", told[:50], why)  # type: ignore[arg-type]  # a list of words is JSON
    numbers = [examples.classes.index(name) for name in told]
    return numbers, [k for k in range(len(examples.classes)) if k not in numbers]


def _large_enough(examples: Examples, told: list[str], why: str, rows: int) -> tuple[list[str], str]:
    """Leave out classes of fewer than ``rows`` rows, unless hardly any is left: then `plan_episodes` says what is wrong."""
    count = {name: int((examples.y == k).sum()) for k, name in enumerate(examples.classes)}
    large = [name for name in told if count[name] >= rows]
    if len(large) < 2 or len(large) == len(told):
        return told, why
    small = [f"{name} has {count[name]}" for name in told if count[name] < rows]
    return large, f"{why}; {len(small)} of fewer than {rows} rows left out ({listed(small, 5)})"


def _told(
    examples: Examples, wanted: Sequence[str] | None, seen: set[str], asked: Asked, judged: bool
) -> tuple[list[str], str]:
    if wanted is not None:
        return list(dict.fromkeys(wanted)), "asked for"
    everything = list(examples.classes)
    if not judged:
        return everything, "all classes of the support table"
    if seen:
        return [name for name in everything if name not in seen], "those the encoder was not trained on"
    if asked.train == "none":
        return everything, "no label of these rows was used to make the features, so all classes are new to them"
    mixed = np.random.default_rng(asked.seed).permutation(len(everything))
    half = np.sort(mixed[: max(2, len(everything) // 2)])
    return [everything[k] for k in half], "half of the classes, drawn by the seed; the others are trained on"


def encoded(
    examples: Examples, name: str, source: tuple[Run, TrainedConfig] | None, run: Run
) -> tuple[Examples, np.ndarray, Encoder]:
    """Return the examples whose rows can be read, their raw rows (n, …), and the encoder: of a run, pretrained, or none."""
    with stage(run, "features", "computing features"):
        if name == FEATURES:
            encoder, x, bad = natural_encoder(examples.modality, examples.columns, np.arange(len(examples.y)))
        else:
            encoder = (
                run_encoder(*source)
                if source is not None
                else pretrained_encoder(name, examples.modality, examples.columns, run.workspace)
            )
            x, bad = encoder.featuriser.transform(examples.columns)
    if encoder.licence is not None:
        run.decide("encoder", encoder.words, f"asked for; pretrained elsewhere, licence: {encoder.licence}")
        if reads := encoder.featuriser.reason():
            run.decide("features", encoder.featuriser.output, reads)
    good = np.setdiff1d(np.arange(len(x)), np.array(sorted(bad), dtype=np.int64))
    return examples.without(bad), x[good], encoder


def gather(
    examples: Examples, x: np.ndarray, encoder: Encoder, classes: tuple[list[int], list[int]], asked: Asked, run: Run
) -> Material:
    """Turn all rows into points, after learning on the base classes where that was asked; and as they are without the encoder."""
    points = encode(encoder.network, x)
    plain = points
    if encoder.trained:
        with stage(run, "features", "computing the features without the encoder"):
            own, rows, _ = natural_encoder(examples.modality, examples.columns, np.arange(len(examples.y)))
            plain = encode(own.network, rows)
    material = Material(examples, *classes, encoder, encoder.network, Spaces(points, None, asked.distance))
    if asked.train != "none":
        material = _taught(material, x, asked, run)
    same = not encoder.trained and material.network is encoder.network
    return replace(material, spaces=replace(material.spaces, raw=None if same else plain))


def _taught(material: Material, x: np.ndarray, asked: Asked, run: Run) -> Material:
    """Train a projection of the points, or the encoder itself, by episodes on the base classes."""
    from torch import nn

    lessons = _lessons(material, asked)
    if asked.train == "encoder":
        network: nn.Module = material.network
        rows: np.ndarray = x
    else:
        base = np.concatenate(material.examples.members(material.base))
        network, rows = projection(material.spaces.x[base]), material.spaces.x.astype(np.float32)
    with stage(run, "train", f"{asked.train} on {len(material.base)} base classes"):
        taught = teach(network, rows, lessons, ticker(run, "train", "episodes"))
    first, best = taught.history[0].val_accuracy, max(check.val_accuracy for check in taught.history)
    why = f"accuracy on validation episodes of base classes {first:.3f} before, {best:.3f} at best"
    run.decide("episodic training", f"kept at episode {taught.best}" if taught.best else "taken back", why)
    whole = network if asked.train == "encoder" else nn.Sequential(material.network, network)
    if not taught.best:  # the untrained encoder was as good
        return replace(material, taught=taught)
    return replace(material, network=whole, taught=taught, spaces=replace(material.spaces, x=encode(whole, x)))


def _lessons(material: Material, asked: Asked) -> Lessons:
    """Divide the base classes, or where they are few their rows, into training and validation."""
    shots = asked.shots or SHOTS
    members = [rows for rows in material.examples.members(material.base) if len(rows) >= 2 * (shots + 1)]
    if len(members) < 2:
        raise DataError(
            f"train={asked.train!r} needs at least 2 base classes of {2 * (shots + 1)} rows, classes that nobody asks about; "
            f"there are {len(members)}. Name fewer in classes, add rows of others, or say train='none'"
        )
    rng = np.random.default_rng(asked.seed)
    if len(members) >= VAL_CLASSES_FROM:
        order = rng.permutation(len(members))
        cut = max(2, round(VAL_SHARE * len(members)))
        train, val = [members[k] for k in order[cut:]], [members[k] for k in order[:cut]]
    else:
        mixed = [rng.permutation(rows) for rows in members]
        cuts = [max(shots + 1, round(VAL_SHARE * len(rows))) for rows in mixed]
        train = [rows[cut:] for rows, cut in zip(mixed, cuts, strict=True)]
        val = [rows[:cut] for rows, cut in zip(mixed, cuts, strict=True)]
    kinds = [_drawing(part, asked, shots) for part in (train, val)]
    rate = LEARNING_RATES[asked.train]
    return Lessons(train, val, kinds[0], kinds[1], asked.train_episodes, rate, asked.distance)


def _drawing(members: Sequence[np.ndarray], asked: Asked, shots: int) -> Drawing:
    way = min(asked.way or SHOTS, len(members))
    queries = min(asked.queries, min(len(rows) for rows in members) - shots)
    return Drawing(way, shots, queries, "random", asked.seed)


@dataclass(frozen=True)
class Plan:
    """What is drawn."""

    drawing: Drawing
    members: list[np.ndarray]


def plan_episodes(material: Material, asked: Asked, run: Run) -> Plan:
    """Return the episodes over the classes told apart.

    Raises:
        DataError: Fewer classes than asked, or a class with too few rows.
    """
    shots = asked.shots or SHOTS
    members = material.examples.members(material.told)
    short = {name: len(rows) for name, rows in zip(material.names(), members, strict=True) if len(rows) <= shots}
    if short:
        said = listed(f"{name} has {n}" for name, n in short.items())
        least = min(short.values())
        remedy = f"Lower shot to {least - 1}, add" if least > 1 else "Add"
        raise DataError(
            f"{shots}-shot episodes need {shots + 1} rows of each class, {shots} to learn from and one to ask; {said}. {remedy} rows, "
            "leave these classes out by naming the others in classes, or give predict=FILE to classify without episodes"
        )
    way = asked.way or min(SHOTS, len(members))
    if way > len(members):
        raise DataError(f"way={way}, but there are {len(members)} classes to tell apart: {listed(material.names())}")
    queries = min(asked.queries, min(map(len, members)) - shots)
    if queries < asked.queries:
        run.decide("queries", queries, f"the smallest class has {min(map(len, members))} rows, {shots} of them support")
    return Plan(Drawing(way, shots, queries, asked.select, asked.seed), members)


def evaluated(material: Material, plan: Plan, asked: Asked, run: Run) -> Measured:
    """Measure over all episodes."""
    base = material.examples.members(material.base)
    with stage(run, "evaluate", f"{asked.episodes} episodes"):
        return measure(
            material.spaces, plan.members, plan.drawing, asked.episodes, base, ticker(run, "evaluate", "episodes")
        )
