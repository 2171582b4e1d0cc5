"""Put together what `find_skill` says of a request."""

from collections.abc import Sequence
from typing import Any

from scitrain.skills.columns import header, target
from scitrain.skills.manifest import Language, Manifest, manifests
from scitrain.skills.match import Candidate, Ranking, rank
from scitrain.skills.plan import Meant, Plan, Step, plan
from scitrain.skills.properties import known_aims
from scitrain.skills.slots import Slots, read_slots
from scitrain.skills.text import asked_language, language_of
from scitrain.skills.words import SAY
from scitrain.workspace import Workspace

__all__ = ["Answer", "answer"]

SHOWN = 5
"""Phrases of the request that an answer repeats."""
Answer = dict[str, Any]
"""Fields of the operation's result, which validates them."""


def answer(request: str, workspace: Workspace) -> Answer:
    """Compare the request with the skills' manifests and lay out the steps."""
    known, slots = manifests(), read_slots(request)
    language = asked_language(request) or language_of(request)
    ranking = rank(slots, known)
    if not request.strip() or not known:
        return _nothing(language, SAY["empty" if known else "no_skills"].of(language), ranking)
    if not ranking.candidates:
        return _nothing(language, _declined(language, ranking, known), ranking)
    return _answer(ranking, slots, language, known, workspace)


def _nothing(language: Language, message: str, ranking: Ranking) -> Answer:
    return {
        "language": language,
        "skill": None,
        "installed": False,
        "confidence": round(ranking.best_guess, 2),
        "intents": [],
        "why": "",
        "message": message,
        "steps": [],
        "ask": [],
        "notes": [],
        "neighbours": [],
        "read": None,
    }


def _declined(language: Language, ranking: Ranking, known: tuple[Manifest, ...]) -> str:
    foreign = SAY["foreign"].of(language).format(phrases=", ".join(ranking.foreign[:3])) if ranking.foreign else ""
    about = " / ".join(manifest.about.of(language) for manifest in known)
    return foreign + SAY["nothing"].of(language).format(about=about) + SAY["perhaps"].of(language)


def _answer(
    ranking: Ranking, slots: Slots, language: Language, known: tuple[Manifest, ...], workspace: Workspace
) -> Answer:
    best = ranking.candidates[0]
    manifest = best.manifest or next(m for m in known if any(n.name == best.name for n in m.neighbours))
    columns, found = _columns(slots, known, workspace)
    wishes = known_aims(slots, columns, known)
    meant = Meant(slots, language, ranking.existing, tuple(found), **wishes._asdict())
    laid = plan(best, manifest, meant)
    return {
        "language": language,
        "skill": best.name,
        "installed": best.neighbour is None,
        "confidence": round(best.score, 2),
        "intents": [intent.name for intent in laid.intents],
        "why": _why(best, slots, language),
        "message": _message(best, laid, language),
        "steps": [{"tool": step.tool, "arguments": step.arguments, "needed": step.needed} for step in laid.steps],
        "ask": _questions(laid.steps, slots, columns, language),
        "notes": list(laid.notes),
        "neighbours": _others(ranking, best, manifest),
        "read": f"skill://{manifest.name}/SKILL.md",
    }


def _columns(slots: Slots, known: tuple[Manifest, ...], workspace: Workspace) -> tuple[tuple[str, ...], Sequence[str]]:
    """Return the header of the first file that has the target, and the target; else what the request calls it."""
    properties = {key: words for manifest in known for key, words in manifest.properties.items()}
    headers = [columns for named in slots.files if (columns := header(named.value, workspace))]
    for columns in headers:
        if found := target(slots, columns, properties)[0]:
            return columns, found
    return (headers[0], ()) if headers else ((), target(slots, (), properties)[0])


def _why(best: Candidate, slots: Slots, language: Language) -> str:
    named = [*(one.value for one in slots.files), *slots.run_ids, *slots.inputs]
    said = [SAY["why"].of(language).format(phrases=", ".join(best.phrases[:SHOWN]))] if best.phrases else []
    said += [SAY["named"].of(language).format(names=", ".join(named[:SHOWN]))] if named else []
    return "; ".join(said)


def _message(best: Candidate, laid: Plan, language: Language) -> str:
    if best.neighbour is not None:
        begin = SAY["not_installed"].of(language).format(title=best.neighbour.title.of(language))
        return begin + best.neighbour.nearest.of(language)
    said = [intent.does.of(language) for intent in laid.intents]
    said += [intent.gap.of(language) for intent in laid.intents if intent.gap is not None]
    return " ".join(said)


def _questions(steps: Sequence[Step], slots: Slots, columns: tuple[str, ...], language: Language) -> list[str]:
    """Return what only the user knows: the data, the run, and the target where the header shows no such column."""
    asked = []
    if any("data" in step.needed for step in steps):
        asked.append("which_data")
    if steps and not slots.run_ids and steps[0].tool == "list_runs" and len(steps) > 1:
        asked.append("which_run")
    learns = [step for step in steps if step.tool == "train_model"]
    if learns and columns and "target" not in learns[0].arguments:
        asked.append("target_unknown")
    return [SAY[key].of(language) for key in asked]


def _others(ranking: Ranking, best: Candidate, manifest: Manifest) -> list[Answer]:
    """Return the other skills that fit, then the neighbours that were not spoken of."""
    fitting = {c.name: c for c in ranking.candidates}
    names = dict.fromkeys([*fitting, manifest.name, *(other.name for other in manifest.neighbours)])
    return [
        {
            "skill": name,
            "installed": name == manifest.name or (name in fitting and fitting[name].neighbour is None),
            "confidence": round(fitting[name].score, 2) if name in fitting else 0.0,
        }
        for name in names
        if name != best.name
    ]
