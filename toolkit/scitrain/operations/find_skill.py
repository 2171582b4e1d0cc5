"""Find the skill and the tools for a request in plain words."""

from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from scitrain.contracts.operation import Query, Result
from scitrain.declared import Declared
from scitrain.workspace import Workspace

__all__ = ["FindSkill", "OtherSkill", "SkillAnswer", "ToolStep"]


class ToolStep(Declared):
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


class OtherSkill(Declared):
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
    next_step: str = ""
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
        from scitrain.skills.answering import answer

        found = SkillAnswer.model_validate(answer(self.request, workspace))
        return found.model_copy(update={"next_step": found.steps[0].words() if found.steps else ""})
