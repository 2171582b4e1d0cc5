"""What the Agent Skills format has no field for: ``manifest.yaml`` beside each ``SKILL.md``."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from scitrain.shipped import shipped

__all__ = [
    "Both",
    "Choice",
    "Computed",
    "FileRole",
    "Intent",
    "Language",
    "Manifest",
    "Neighbour",
    "Phase",
    "Vocabulary",
    "manifests",
]

Language = Literal["en", "ja"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Both(_Part):
    """A sentence in both languages."""

    en: str
    ja: str

    def of(self, language: Language) -> str:
        """Return it in one of them."""
        return self.en if language == "en" else self.ja


class Vocabulary(_Part):
    """Phrases by language; all are looked for, whatever the request is written in."""

    en: tuple[str, ...] = ()
    ja: tuple[str, ...] = ()

    def phrases(self) -> tuple[str, ...]:
        """Return those of both languages."""
        return self.en + self.ja


class Computed(Vocabulary):
    """Words for a property that follows from a molecule or formula alone."""

    told: bool = True
    """A generator can be trained to heed it."""
    means: JsonValue = None
    """Value that is wanted where the property is merely named."""


class Phase(_Part):
    """A stage of the work; the order of all tools is the order of the phases."""

    name: str
    title: Both
    tools: tuple[str, ...]
    artifacts: tuple[str, ...] = ()


class FileRole(_Part):
    """What a named file is in an intent, and the arguments that take it."""

    goes: tuple[str, ...]
    """As ``tool.argument``, or ``tool.argument[key]`` for a list of objects."""
    said: Vocabulary = Vocabulary()
    """Phrases with ``*`` for the file; what nothing is said of takes the places left, in order."""


class Intent(_Part):
    """Something a person may want, and the tools that do it."""

    name: str
    does: Both
    tools: tuple[str, ...]
    triggers: Vocabulary = Vocabulary()
    """Phrases that say it by themselves."""
    words: Vocabulary = Vocabulary()
    """Words that say it only where the request is about the skill's matter."""
    unless: Vocabulary = Vocabulary()
    """Words beside which its own say nothing: who searches hyperparameters of a model of molecules searches no molecules."""
    files: tuple[FileRole, ...] = ()
    """Which named file goes where; without it the first goes to what learns, and the others to the nearest tool."""
    arguments: dict[str, dict[str, JsonValue]] = {}
    """Arguments of its tools where the request says no other."""
    covers: tuple[str, ...] = ()
    """``skill/intent`` of other skills that this one's steps do as well: named together, this one goes first."""
    gap: Both | None = None
    """Where no tool does quite that: what is missing, and what is nearest."""
    until: str | None = None
    """Skill that takes this over once it is installed."""


class Choice(_Part):
    """A value of an argument, and the words that mean it."""

    value: JsonValue
    words: Vocabulary


class Neighbour(_Part):
    """A skill that does what this one does not."""

    name: str
    title: Both
    triggers: Vocabulary
    words: Vocabulary = Vocabulary()
    nearest: Both
    """What can be done while it is not installed."""
    tools: tuple[str, ...] = ()
    arguments: dict[str, dict[str, JsonValue]] = {}
    """Arguments of the nearest thing, by tool."""


class PromptArgument(_Part):
    """One blank of a prompt."""

    name: str
    description: str
    required: bool = False


class Prompt(_Part):
    """A workflow as a message with ``{blanks}``."""

    name: str
    title: str
    description: str
    arguments: tuple[PromptArgument, ...] = ()
    text: str


class Manifest(_Part):
    """Everything scitrain knows of one skill."""

    name: str
    title: Both
    about: Both
    subjects: Vocabulary
    """The skill's matter: kinds of data, of models, of properties."""
    existing: Vocabulary = Vocabulary()
    """Words for a model that is trained already."""
    alone: Vocabulary = Vocabulary()
    """Matter that leads here where a request says nothing else that any skill knows."""
    usual: str = ""
    """Intent that is meant where only the matter was named."""
    foreign: Vocabulary = Vocabulary()
    """What a request is about that no skill does."""
    phases: tuple[Phase, ...]
    intents: tuple[Intent, ...]
    properties: dict[str, Vocabulary] = {}
    """What is often predicted, by the letters that stand in column names."""
    computed: dict[str, Computed] = {}
    """Properties that need no trained model, as the tools call them."""
    choices: dict[str, tuple[Choice, ...]] = {}
    """Values of arguments that have names in plain language."""
    neighbours: tuple[Neighbour, ...] = ()
    prompts: tuple[Prompt, ...] = ()

    def tools(self) -> tuple[str, ...]:
        """Return its tools in the order of the work."""
        return tuple(dict.fromkeys(tool for phase in self.phases for tool in phase.tools))


@lru_cache(maxsize=8)
def manifests(folder: Path | None = None) -> tuple[Manifest, ...]:
    """Read the manifests of all installed skills, in the order of their names; none where there is none."""
    import yaml

    paths = sorted((folder or shipped("skills")).glob("*/manifest.yaml"))
    return tuple(Manifest.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in paths)
