"""Arguments of the tools that make candidates: what is asked of their properties, the predictors, the generator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from scitrain.skills.aims import Aims
from scitrain.skills.settle import Meant
from scitrain.skills.words import SAY

__all__ = ["Arranged", "arrange"]

LIST, DESIGN, MODEL, GENERATOR = "list_runs", "design_materials", "train_model", "train_generator"
DRAW, JUDGE = "generate_candidates", "evaluate_candidates"
DIFFUSION = {"smiles": "molecule_diffusion", "formula": "composition_diffusion"}
"""Family of a diffusion by what it draws."""


@dataclass
class Arranged:
    """What making candidates adds to a plan."""

    tools: tuple[str, ...]
    arguments: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    """By tool; null leaves an argument out."""
    needed: dict[str, dict[str, str]] = field(default_factory=dict)
    listed: dict[str, JsonValue] | None = None
    """How list_runs finds the runs that are taken; None where that is as usual."""

    def put(self, tool: str, name: str, value: JsonValue) -> None:
        """Give a tool an argument."""
        self.arguments.setdefault(tool, {})[name] = value

    def leave(self, tool: str, name: str, why: str) -> None:
        """Leave an argument open, and say where it comes from."""
        self.arguments.setdefault(tool, {})[name] = None
        self.needed.setdefault(tool, {})[name] = why


def arrange(tools: Sequence[str], meant: Meant, generator: bool, family: JsonValue) -> Arranged:
    """Lay out what is asked of candidates; ``generator`` says that a trained one is spoken of."""
    done = Arranged(tuple(tools))
    if GENERATOR in tools and family in ("matt5", "diffusion"):
        _family(done, meant, str(family))
    if family != "matt5":
        _asked(done, meant)
    if DESIGN in tools:
        _search(done, meant, generator or bool(meant.runs_of(GENERATOR)))
    return done


def _family(done: Arranged, meant: Meant, family: str) -> None:
    if family == "diffusion" and meant.kind:
        done.put(GENERATOR, "family", DIFFUSION[meant.kind])
    elif family == "diffusion":
        done.leave(GENERATOR, "family", SAY["diffusion"].of(meant.language))


def _asked(done: Arranged, meant: Meant) -> None:
    """Teach the properties that draws are asked for, and ask for them; judge what cannot be told."""
    told = {name: aim for name, aim in meant.aims.items() if aim.told}
    if GENERATOR in done.tools and told:
        done.put(GENERATOR, "conditions", list(told))
    if GENERATOR in done.tools and meant.spoken:
        done.leave(GENERATOR, "conditions", _said("columns", {**told, **meant.spoken}, meant))
    values = {name: aim.value for name, aim in told.items() if _tells(aim.value)}
    if DRAW in done.tools and values:
        done.put(DRAW, "conditions", values)
    if DRAW in done.tools and (meant.spoken or len(values) < len(told)):
        done.leave(DRAW, "conditions", _said("tells", {**told, **meant.spoken}, meant))
    judged = {name: aim.value for name, aim in meant.aims.items() if aim.computed and aim.value is not None}
    if JUDGE in done.tools and judged and (DRAW not in done.tools or set(judged) - set(values)):
        done.put(JUDGE, "conditions", dict(judged))


def _tells(value: JsonValue) -> bool:
    """Tell whether a generator can be told it: a number, or two ends."""
    return isinstance(value, int | float) or (isinstance(value, dict) and ("value" in value or len(value) == 2))


def _said(key: str, aims: Aims, meant: Meant) -> str:
    told = ", ".join(f"{name}: {aim.value!r}" if aim.value is not None else name for name, aim in aims.items())
    return SAY[key].of(meant.language).format(told=told)


def _search(done: Arranged, meant: Meant, generator: bool) -> None:
    """Give the search its goals, and what it draws and predicts with."""
    done.put(DESIGN, "n", None)  # what it calls n is predictions, not candidates that are wanted
    _goals(done, meant)
    predictors = meant.runs_of(MODEL)
    calculates = bool(meant.aims) and all(aim.computed for aim in meant.aims.values())
    trains = not (predictors or meant.existing or (calculates and not meant.modelled and not meant.spoken))
    if not trains:
        done.tools = tuple(tool for tool in done.tools if tool not in (MODEL, "get_run"))
    wanted: list[str] = []
    if predictors:
        done.put(DESIGN, "predictors", list(predictors))
    elif trains:
        done.leave(DESIGN, "predictors", SAY["run_of"].of(meant.language).format(tool=MODEL))
    elif meant.existing:
        done.leave(DESIGN, "predictors", SAY["listed_run"].of(meant.language).format(tool=MODEL))
        wanted.append(MODEL)
    if generator and (runs := meant.runs_of(GENERATOR)):
        done.put(DESIGN, "generator", runs[0])
    elif generator:
        done.leave(DESIGN, "generator", SAY["listed_run"].of(meant.language).format(tool=GENERATOR))
        wanted.append(GENERATOR)
    _look(done, meant, wanted)
    if not trains and not meant.slots.files:
        _start(done, meant, bool(predictors or meant.existing or generator))


def _goals(done: Arranged, meant: Meant) -> None:
    goals: Mapping[str, JsonValue] = {name: aim.value for name, aim in meant.aims.items() if aim.value is not None}
    of_model = any(not aim.computed for aim in meant.aims.values())
    if goals and len(goals) == len(meant.aims) and not meant.spoken and (of_model or not meant.modelled):
        done.put(DESIGN, "targets", dict(goals))
    else:
        aims = {**meant.aims, **meant.spoken}
        done.leave(DESIGN, "targets", _said("goals" if aims else "other", aims, meant))


def _look(done: Arranged, meant: Meant, wanted: Sequence[str]) -> None:
    """Look for the runs that are spoken of and not named."""
    if wanted:
        done.tools = (LIST, *(tool for tool in done.tools if tool != LIST))
        operation: dict[str, JsonValue] = {"operation": wanted[0]} if len(wanted) == 1 else {}
        done.listed = {**operation, "status": "completed"}


def _start(done: Arranged, meant: Meant, given: bool) -> None:
    """Ask for known materials where there is nothing else to start from."""
    if given:
        done.tools = tuple(tool for tool in done.tools if tool != "inspect_dataset")
    else:
        done.leave(DESIGN, "data", SAY["data"].of(meant.language))
