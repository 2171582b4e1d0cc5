"""Find the skill and the tools for a request in plain words."""

from typing import ClassVar, Literal

from pydantic import BaseModel, Field, JsonValue

from scitrain.contracts.operation import Query, Result
from scitrain.skills import Manifest, Ranking, Slots, manifests, rank, read_slots
from scitrain.skills.columns import header, target
from scitrain.skills.manifest import Language
from scitrain.skills.match import Candidate
from scitrain.skills.plan import Meant, Plan, plan
from scitrain.skills.text import asked_language, language_of
from scitrain.skills.words import SAY
from scitrain.workspace import Workspace

__all__ = ["FindSkill", "OtherSkill", "SkillAnswer", "ToolStep"]

SHOWN = 5
"""Phrases of the request that an answer repeats."""


class ToolStep(BaseModel):
    """One tool of the way."""

    tool: str
    arguments: dict[str, JsonValue]
    """What the request says; valid as it stands once `needed` is filled in."""
    needed: dict[str, str] = {}
    """Required arguments the request leaves open, and where they come from."""

    def words(self) -> str:
        """Return it as a call."""
        given = [f"{name}={value!r}" for name, value in self.arguments.items()]
        return f"{self.tool}({', '.join([*given, *(f'{name}=<{source}>' for name, source in self.needed.items())])})"


class OtherSkill(BaseModel):
    """A skill the request might also belong to."""

    skill: str
    installed: bool
    confidence: float


class SkillAnswer(Result):
    """Which skill, which tools, with what arguments."""

    language: Literal["en", "ja"]
    """Language of the request, and of this answer."""
    skill: str | None
    """Skill the request belongs to; null where none fits."""
    installed: bool
    """False where that skill is not there yet: then the steps are the nearest thing that can be done now."""
    confidence: float
    """From 0 to 1: how much of what the skill is known by stands in the request; no probability."""
    intents: list[str]
    """What is wanted, such as `train` or `export`."""
    why: str
    message: str
    """What to tell the user first: what will be done, or what cannot be."""
    steps: list[ToolStep]
    """Tools in order."""
    ask: list[str]
    """Questions that only the user can answer."""
    notes: list[str]
    neighbours: list[OtherSkill]
    read: str | None
    """Instructions of the skill to follow."""
    next_step: str
    """What to call next."""

    def summary(self) -> str:
        """Return the message, the calls in order and the questions."""
        calls = [f"{i}. {step.words()}" for i, step in enumerate(self.steps, 1)]
        asked = [f"? {question}" for question in self.ask]
        head = f"{self.skill} ({self.confidence:.2f}): {self.why}" if self.skill else ""
        read = f"read {self.read}" if self.read else ""
        return "\n".join(filter(None, [head, self.message, *calls, *asked, *self.notes, read]))


class FindSkill(Query):
    """Say which skill a request belongs to, and which tools to call in which order with which arguments.

    Understands English and Japanese, and answers in the language of the request. Fills in what the request names: files,
    columns, run ids, SMILES, model families, epochs. Call it first when the user says in their own words what they want.
    """

    title: ClassVar[str] = "Find the skill for a request"

    request: str = Field(max_length=20_000)
    """What the user wants, in their own words; the first 2,000 characters are read."""

    def execute(self, workspace: Workspace) -> SkillAnswer:
        """Compare the request with the skills' manifests and lay out the steps."""
        known, slots = manifests(), read_slots(self.request)
        language = asked_language(self.request) or language_of(self.request)
        ranking = rank(slots, known)
        if not self.request.strip() or not known:
            return _nothing(language, SAY["empty" if known else "no_skills"].of(language), ranking)
        if not ranking.candidates:
            return _nothing(language, _declined(language, ranking, known), ranking)
        return _answer(ranking, slots, language, known, workspace)


def _nothing(language: Language, message: str, ranking: Ranking) -> SkillAnswer:
    return SkillAnswer(
        language=language,
        skill=None,
        installed=False,
        confidence=round(ranking.best_guess, 2),
        intents=[],
        why="",
        message=message,
        steps=[],
        ask=[],
        notes=[],
        neighbours=[],
        read=None,
        next_step="",
    )


def _declined(language: Language, ranking: Ranking, known: tuple[Manifest, ...]) -> str:
    foreign = SAY["foreign"].of(language).format(phrases=", ".join(ranking.foreign[:3])) if ranking.foreign else ""
    about = " / ".join(manifest.about.of(language) for manifest in known)
    return foreign + SAY["nothing"].of(language).format(about=about) + SAY["perhaps"].of(language)


def _answer(
    ranking: Ranking, slots: Slots, language: Language, known: tuple[Manifest, ...], workspace: Workspace
) -> SkillAnswer:
    best = ranking.candidates[0]
    manifest = best.manifest or next(m for m in known if any(n.name == best.name for n in m.neighbours))
    columns = header(slots.files[0].value, workspace) if slots.files else ()
    found, _ = target(slots, columns, manifest.properties)
    meant = Meant(slots, language, ranking.existing, tuple(found))
    laid = plan(best, manifest, meant)
    steps = [ToolStep(tool=step.tool, arguments=step.arguments, needed=step.needed) for step in laid.steps]
    return SkillAnswer(
        language=language,
        skill=best.name,
        installed=best.neighbour is None,
        confidence=round(best.score, 2),
        intents=[intent.name for intent in laid.intents],
        why=_why(best, slots, language),
        message=_message(best, laid, language),
        steps=steps,
        ask=_questions(steps, slots, columns, language),
        notes=list(laid.notes),
        neighbours=_others(ranking, best, manifest),
        read=f"skill://{manifest.name}/SKILL.md",
        next_step=steps[0].words() if steps else "",
    )


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


def _questions(steps: list[ToolStep], slots: Slots, columns: tuple[str, ...], language: Language) -> list[str]:
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


def _others(ranking: Ranking, best: Candidate, manifest: Manifest) -> list[OtherSkill]:
    """Return the other skills that fit, then the neighbours that were not spoken of."""
    fitting = {c.name: c for c in ranking.candidates}
    names = dict.fromkeys([*fitting, manifest.name, *(other.name for other in manifest.neighbours)])
    return [
        OtherSkill(
            skill=name,
            installed=name == manifest.name or (name in fitting and fitting[name].neighbour is None),
            confidence=round(fitting[name].score, 2) if name in fitting else 0.0,
        )
        for name in names
        if name != best.name
    ]
