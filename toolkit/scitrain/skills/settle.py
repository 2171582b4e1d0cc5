"""Of all that a request may want, what it does want."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from scitrain.skills.aims import Aims
from scitrain.skills.manifest import Language, Manifest
from scitrain.skills.match import MEANT, Wanted
from scitrain.skills.slots import Slots

__all__ = ["DRAWS", "Meant", "settle"]

LEARNS, TUNES = "train", "tune"
"""Intents that make a model."""
TEACHES, DRAWS, DESIGNS, GENERATOR = "generate", "draw", "design", "train_generator"
"""Intents that make a generator, draw from one there is, and search with or without one; and the tool that made it."""
SAMPLING = {"temperature", "top_p", "top_k", "guidance"}
"""Options of drawing: who knows them has a generator."""
JUDGES = "judge candidates"
"""Intent that looks at what was drawn."""


@dataclass(frozen=True)
class Meant:
    """What is known when the steps are laid out."""

    slots: Slots
    language: Language
    existing: bool = False
    """A trained model is spoken of."""
    target: tuple[str, ...] = ()
    aims: Aims = field(default_factory=dict)
    """What is wanted of properties that the tools know by that name."""
    spoken: Aims = field(default_factory=dict)
    """What is wanted of properties whose column is not known."""
    modelled: bool = False
    """A property is spoken of that only a trained model tells."""
    kind: str = ""
    """`smiles` or `formula`, where the data or the words say it."""

    def runs_of(self, tool: str) -> list[str]:
        """Return the named runs of a tool."""
        return [run_id for run_id in self.slots.run_ids if run_id.startswith(f"{tool}-")]


def settle(wanted: Sequence[Wanted], manifest: Manifest, meant: Meant) -> tuple[Wanted, ...]:
    """Tell a prediction that is wanted from a model that predicts, and say what is wanted where nothing was said."""
    slots = meant.slots
    by_name = {one.intent.name: one for one in wanted}
    fallback = {intent.name: Wanted(intent, 0.0) for intent in manifest.intents}
    if TUNES in by_name:
        by_name.pop(LEARNS, None)  # the best variant is trained at the end of the search
    predict = by_name.get("predict")
    has_model = bool(meant.existing or slots.run_ids)
    if predict and LEARNS in by_name and (has_model or slots.inputs) and by_name[LEARNS].score < MEANT:
        del by_name[LEARNS]
    # what "predict" says below that evidence describes the model
    if predict and LEARNS in by_name and not slots.inputs and len(slots.files) < 2 and predict.score < MEANT:
        del by_name["predict"]
    elif predict and LEARNS not in by_name and not has_model and not slots.inputs and slots.files:
        by_name = {LEARNS: fallback[LEARNS]} | {name: one for name, one in by_name.items() if name != "predict"}
    if JUDGES in by_name and TEACHES not in by_name and slots.files:
        by_name.pop(DRAWS, None)  # what was drawn is in the file
    by_name = _candidates(by_name, fallback, meant)
    if not by_name:
        name = _unsaid(meant, manifest.usual)
        by_name = {key: one for key, one in fallback.items() if key == name}
    return _outspoken([by_name[intent.name] for intent in manifest.intents if intent.name in by_name])


def _candidates(by_name: dict[str, Wanted], fallback: dict[str, Wanted], meant: Meant) -> dict[str, Wanted]:
    """Tell who wants candidates drawn from who wants them searched for, and a generator there is from one to be trained."""
    makes = {TEACHES, DRAWS, DESIGNS} & set(by_name)
    if DRAWS not in fallback or not makes:
        return by_name
    most = max(by_name[name].score for name in makes)
    if JUDGES in by_name and len(meant.slots.files) > 1 and by_name[JUDGES].score > most:
        # what was drawn is in one file, what it was learned from in another
        return {name: one for name, one in by_name.items() if name not in makes}
    if any(by_name[name].score >= MEANT for name in makes | ({JUDGES} & set(by_name))):
        by_name = {name: one for name, one in by_name.items() if one.score >= MEANT}
    if DESIGNS in by_name:  # the search draws for itself
        return {name: one for name, one in by_name.items() if name not in (TEACHES, DRAWS)}
    if {TEACHES, DRAWS} & set(by_name):
        told = DRAWS in by_name or SAMPLING & set(meant.slots.options)
        drawn = bool(meant.runs_of(GENERATOR)) or bool(told and not meant.slots.files)
        by_name.pop(TEACHES if drawn else DRAWS, None)
        by_name.setdefault(DRAWS if drawn else TEACHES, fallback[DRAWS if drawn else TEACHES])
    return by_name


def _outspoken(wanted: Sequence[Wanted]) -> tuple[Wanted, ...]:
    """Leave out what words alone speak for beside an intent that says outright where its files go."""
    said = any(one.intent.files and one.score >= MEANT for one in wanted)
    return tuple(one for one in wanted if not said or one.score >= MEANT)


def _unsaid(meant: Meant, usual: str) -> str:
    """Return what is wanted where only the matter was named: of a run its state, of a model its worth, of a file a look."""
    slots = meant.slots
    if slots.run_ids:
        return "predict" if slots.inputs or slots.files else "status"
    if meant.existing:
        return "predict" if slots.inputs else "trust"
    return "inspect" if usual == LEARNS and slots.files and not meant.target else usual
