"""Tools in order, with the arguments a request fills in and those that are still needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue, ValidationError
from pydantic.fields import FieldInfo

from scitrain.contracts.operation import Operation
from scitrain.discovery import plugins
from scitrain.skills.candidates import Arranged, arrange
from scitrain.skills.files import share
from scitrain.skills.manifest import Intent, Manifest
from scitrain.skills.match import MEANT, Candidate, Wanted
from scitrain.skills.settle import DRAWS, Meant, settle
from scitrain.skills.slots import Named, Slots
from scitrain.skills.words import SAY

__all__ = ["Meant", "Plan", "Step", "plan"]

LIST = "list_runs"
WAIT_S = 45
FIRST = ("data", "run", "run_id", "runs", "inputs", "target", "model")
"""Arguments that are told before the others."""
FILTERS: dict[str, dict[str, JsonValue]] = {
    "cancel_run": {"status": "running"},
    "resume_run": {},
    "get_run": {},
    "compare_runs": {"status": "completed"},
    "generate_candidates": {"operation": "train_generator", "status": "completed"},
}
"""How to find the run a tool wants; all others want a trained one."""
TRAINED: dict[str, JsonValue] = {"operation": "train_model", "status": "completed"}
OTHER_DOMAIN = "target_data"
"""Argument that takes a second file: the domain that is adapted to."""
CANDIDATES = "candidates"
"""Argument that takes a file, a run, or the texts themselves."""
SOURCE = "source"
"""Argument that takes weights: a name, a folder, or a run."""
OF_STEP = {CANDIDATES: "generate_candidates", SOURCE: "pretrain_transformer"}
"""Argument that takes the run of an earlier step, and which that is."""


@dataclass(frozen=True)
class Step:
    """One call."""

    tool: str
    arguments: dict[str, JsonValue]
    needed: dict[str, str]
    """Arguments the request leaves open, and where they come from."""


@dataclass(frozen=True)
class Plan:
    """Steps and what was noticed while laying them out."""

    intents: tuple[Intent, ...]
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


@dataclass
class _Draft:
    """Steps in the making."""

    meant: Meant
    said: dict[str, JsonValue]
    """Values of arguments by name, for whatever tool has such an argument."""
    tools: tuple[str, ...]
    files: dict[str, str]
    """Data by tool that takes some besides a run; ``""`` is the data that is learned from."""
    learner: str | None = None
    """Tool of the plan whose run the later ones build on."""
    names_best: bool = False
    """That run is not the model's own: its result names the one that is."""
    arranged: Arranged = field(default_factory=lambda: Arranged(()))
    """What making candidates adds."""
    placed: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    """Arguments by tool that its intent declares."""
    notes: list[str] = field(default_factory=list)


def plan(candidate: Candidate, manifest: Manifest, meant: Meant) -> Plan:
    """Lay out the steps of the best skill; of one that is not installed, what ``manifest`` can do instead."""
    slots = meant.slots
    if candidate.neighbour is not None:
        wanted: tuple[Wanted, ...] = ()
        intents: tuple[Intent, ...] = ()
        tools = candidate.neighbour.tools
    else:
        wanted = settle(candidate.wanted, manifest, meant)
        intents = tuple(one.intent for one in wanted)
        tools = _ordered(manifest, [tool for intent in intents for tool in intent.tools])
    known = _operations()
    tools = _with_list(tuple(tool for tool in tools if tool in known), known, slots)
    said = _said(candidate, meant)
    generator = any(one.intent.name == DRAWS and one.score >= MEANT for one in candidate.wanted)
    arranged = arrange(tools, meant, generator, said.get("family"))
    tools = arranged.tools
    draft = _Draft(meant, said, tools, {}, next((t for t in tools if _learns(known[t])), None), arranged=arranged)
    draft.names_best = draft.learner is not None and "best_run" in known[draft.learner].result_type().model_fields
    _place_files(draft, wanted, known)
    fixed = candidate.neighbour.arguments if candidate.neighbour is not None else {}
    steps = tuple(_step(tool, known[tool], draft, fixed.get(tool, {})) for tool in tools)
    return Plan(intents, steps, tuple(draft.notes))


def _operations() -> dict[str, type[Operation]]:
    return {cls.name(): cls for cls in plugins(Operation)}  # type: ignore[type-abstract]  # the base is only looked below


def _names(operation: type[Operation]) -> dict[str, FieldInfo]:
    """Return the fields as a caller names them."""
    return {info.alias or name: info for name, info in operation.model_fields.items()}


def _reads_either(names: Mapping[str, FieldInfo]) -> bool:
    """Tell whether a tool takes a few texts or a file."""
    return {"inputs", "data"} <= set(names) and not names["data"].is_required()


def _takes_file(names: Mapping[str, FieldInfo]) -> bool:
    """Tell whether a tool takes a file besides the one that is learned from."""
    return "data" in names and ("run" in names or _reads_either(names))


def _learns(operation: type[Operation]) -> bool:
    """Tell whether a tool makes a model from data."""
    names = _names(operation)
    return "data" in names and names["data"].is_required() and not operation.read_only


def _ordered(manifest: Manifest, tools: Sequence[str]) -> tuple[str, ...]:
    """Order tools by the phases of the work; one of another skill stays behind the tool it was named after."""
    order = {tool: float(i) for i, tool in enumerate(manifest.tools())}
    place: dict[str, float] = {}
    last = -1.0
    for tool in dict.fromkeys(tools):
        place[tool] = last = order.get(tool, last + 0.5)
    return tuple(sorted(place, key=place.__getitem__))


def _with_list(tools: tuple[str, ...], known: Mapping[str, type[Operation]], slots: Slots) -> tuple[str, ...]:
    """Put the search for a run before the tools that want one, where neither the request nor a step gives it."""
    wants = [tool for tool in tools if {"run", "run_id", "runs"} & _required(known[tool])]
    given = slots.run_ids or any(_learns(known[tool]) for tool in tools) or LIST in tools
    return tools if given or not wants or LIST not in known else (LIST, *tools)


def _required(operation: type[Operation]) -> set[str]:
    return {name for name, info in _names(operation).items() if info.is_required()}


def _said(candidate: Candidate, meant: Meant) -> dict[str, JsonValue]:
    """Gather what the request says, by argument."""
    slots, options = meant.slots, dict(meant.slots.options)
    chosen = {name: values[0] for name, values in candidate.chosen.items()}
    folds, network = options.pop("folds", None), options.pop("family_name", None)
    said: dict[str, JsonValue] = {**chosen, **options}
    if "formats" in candidate.chosen:
        said["formats"] = list(dict.fromkeys(str(value) for value in candidate.chosen["formats"]))
    if network is not None:
        model = said.get("model")
        more = model if isinstance(model, dict) and model.get("family") == "timm" else {}
        said["model"] = {**more, "family": "timm", "name": str(network).lower()}
    if isinstance(model := said.get("model"), dict):
        said["family"] = model["family"]
    if folds is not None:
        said["split"] = {"kind": "kfold", "folds": folds}
    if meant.target:
        said["target"] = meant.target[0] if len(meant.target) == 1 else list(meant.target)
    if slots.output:
        said["output"] = slots.output
    return said


def _place_files(draft: _Draft, wanted: Sequence[Wanted], known: Mapping[str, type[Operation]]) -> None:
    """Give each named file to what its intent declares for it, and any other to the tool it is said of."""
    files = list(draft.meant.slots.files)
    builtin = draft.said.pop("data", None)
    if not files and isinstance(builtin, str):
        files = [Named(builtin, 0)]
    for one in wanted:
        for tool, values in one.intent.arguments.items():
            draft.placed.setdefault(tool, {}).update(values)
    _take_candidates(draft, known)
    told = max(
        (one for one in wanted if one.intent.files and not _draws_itself(one.intent, draft.tools)),
        key=lambda one: one.score,
        default=None,
    )
    roles = told.intent.files if told is not None else ()
    open_ = [role for role in roles if not any(place.split(".")[1] in draft.said for place in role.goes)]
    placed, files = share(open_, draft.meant.slots, files)
    for tool, argument, value in placed:
        draft.placed.setdefault(tool, {})[argument] = value
    _share_files(draft, files, wanted, known)


def _draws_itself(intent: Intent, tools: Sequence[str]) -> bool:
    """Tell whether what an intent takes from a file is made by a step of the plan."""
    taken = {place.split(".")[1] for role in intent.files for place in role.goes}
    return any(OF_STEP.get(argument) in tools for argument in taken)


def _share_files(
    draft: _Draft, files: list[Named], wanted: Sequence[Wanted], known: Mapping[str, type[Operation]]
) -> None:
    """Give the first file to what learns, and the others to the nearest wish."""
    free = [tool for tool in draft.tools if "data" not in draft.placed.get(tool, {})]
    takes = [tool for tool in free if _takes_file(_names(known[tool]))]
    if files and any("data" in _required(known[tool]) for tool in free):
        draft.files[""] = files.pop(0).value
    places = {tool: [at for one in wanted if tool in one.intent.tools for at in one.places] for tool in takes}
    for named in files:
        open_ = [tool for tool in takes if tool not in draft.files]
        if not open_:
            draft.notes.append(SAY["extra_files"].of(draft.meant.language).format(names=named.value))
            continue
        draft.files[min(open_, key=lambda tool: min((abs(at - named.at) for at in places[tool]), default=10**6))] = (
            named.value
        )


def _take_candidates(draft: _Draft, known: Mapping[str, type[Operation]]) -> None:
    """Give what judges candidates the run or the texts that are named, unless a step before it makes them."""
    if OF_STEP[CANDIDATES] in draft.tools or not any(CANDIDATES in _required(known[tool]) for tool in draft.tools):
        return
    slots = draft.meant.slots
    if slots.run_ids:
        draft.said[CANDIDATES] = slots.run_ids[0]
    elif slots.inputs and not slots.files:
        draft.said[CANDIDATES] = list(slots.inputs)


def _step(tool: str, operation: type[Operation], draft: _Draft, fixed: Mapping[str, JsonValue]) -> Step:
    names = _names(operation)
    of_run = bool({"run", "run_id", "runs"} & set(names)) or _reads_either(names)
    placed = draft.placed.get(tool, {})
    said = {**placed, **draft.said, **fixed}
    if of_run:
        said |= {
            "data": placed.get("data", draft.files.get(tool, None if "run" in names else draft.files.get(""))),
            "inputs": list(draft.meant.slots.inputs) or None,
            "wait_s": WAIT_S,
        }
        if said["data"] is not None:
            said["inputs"] = None
    else:
        said |= {"data": placed.get("data", draft.files.get(""))}
        said.pop("inputs", None)
    said |= _runs(tool, names, draft) | draft.arranged.arguments.get(tool, {})
    if tool == LIST:
        usual = _filter(draft.tools) if draft.arranged.listed is None else draft.arranged.listed
        said = {**usual, **{k: v for k, v in draft.said.items() if k in ("status", "operation")}}
    arguments: dict[str, JsonValue] = {
        name: value for name, value in said.items() if name in names and value is not None
    }
    arguments = _allowed(tool, operation, arguments, draft)
    ordered: dict[str, JsonValue] = {
        name: arguments[name] for name in dict.fromkeys([*FIRST, *names]) if name in arguments
    }
    needed = {**_needed(names, ordered, draft), **draft.arranged.needed.get(tool, {})}
    return Step(tool, ordered, needed)


def _filter(tools: Sequence[str]) -> dict[str, JsonValue]:
    """Return how list_runs finds the run that the next tool wants."""
    following = next((tool for tool in tools if tool != LIST), None)
    return {} if following is None else FILTERS.get(following, TRAINED)


def _runs(tool: str, names: Mapping[str, FieldInfo], draft: _Draft) -> dict[str, JsonValue]:
    ids = draft.meant.slots.run_ids
    if draft.learner is not None and tool != draft.learner:
        return {}
    if "runs" in names:
        return {"runs": list(ids)} if len(ids) > 1 else {}
    begins = {SOURCE: ids[0]} if ids and OF_STEP[SOURCE] not in draft.tools else {}
    return {"run": ids[0], "run_id": ids[0], **begins} if ids else {}


def _allowed(
    tool: str, operation: type[Operation], arguments: dict[str, JsonValue], draft: _Draft
) -> dict[str, JsonValue]:
    """Leave out what the tool would refuse, such as a coverage of 5 %, and say so."""
    try:
        operation.model_validate(arguments)
    except ValidationError as error:
        wrong = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"] and detail["type"] != "missing"}
        for name in sorted(wrong & set(arguments)):
            say = SAY["dropped"].of(draft.meant.language)
            draft.notes.append(say.format(tool=tool, name=name, value=arguments[name]))
        return {name: value for name, value in arguments.items() if name not in wrong}
    return arguments


def _needed(names: Mapping[str, FieldInfo], arguments: Mapping[str, JsonValue], draft: _Draft) -> dict[str, str]:
    """Return the required arguments that are open, and where each comes from."""
    language = draft.meant.language
    found = {}
    for name in (name for name, info in names.items() if info.is_required() and name not in arguments):
        key = {
            "data": "data",
            "run": "run",
            "run_id": "run",
            "runs": "runs",
            SOURCE: SOURCE,
            CANDIDATES: CANDIDATES,
        }.get(name, "other")
        if OF_STEP.get(name) in draft.tools:
            found[name] = SAY["run_of"].of(language).format(tool=OF_STEP[name])
        elif key == "run" and draft.learner is not None:
            said = "best_of" if name == "run" and draft.names_best else "run_of"
            found[name] = SAY[said].of(language).format(tool=draft.learner)
        else:
            found[name] = SAY[key].of(language)
    if OTHER_DOMAIN in names and not {OTHER_DOMAIN, "domain"} & set(arguments):
        found[OTHER_DOMAIN] = SAY["other"].of(language)
    if _reads_either(names) and not {"inputs", "data"} & set(arguments):
        found["inputs"] = SAY["inputs"].of(language)
    return found
