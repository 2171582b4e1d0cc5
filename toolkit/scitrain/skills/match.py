"""Which skill, and what in it, a request means: weighted overlap of its words with those of the manifests.

Every phrase of a vocabulary that stands in the request is evidence of weight w; the evidence of independent phrases adds up
as 1 − Π (1 − wᵢ). Where a phrase lies wholly inside a longer one that was found too, the longer one alone counts: a
*learning curve* says nothing of learning, 転移学習 nothing of 学習.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from pydantic import JsonValue

from scitrain.skills.manifest import Intent, Manifest, Neighbour
from scitrain.skills.slots import Slots
from scitrain.skills.text import Span, Text, parts

__all__ = ["Candidate", "Hit", "Ranking", "Wanted", "rank"]

TRIGGER, PHRASE, SUBJECT, WORD, FOREIGN = 0.8, 0.15, 0.45, 0.35, 0.6
"""Weights: of a trigger, what each further part of a phrase adds, of the skill's matter, of a word, of foreign matter."""
NAMED_FILE, NAMED_INPUT, NAMED_RUN = 0.6, 0.3, 0.7
"""Weights of a data file and a run id, each of which is enough by itself, and of a structure, which is not."""
FITS = 0.55
"""Least evidence for a skill; two words of its matter and action reach it, one alone does not."""
WANTED = 0.3
"""Least evidence for an intent within a skill."""
MEANT = 0.75
"""Least evidence for an intent that is said outright, and not by the skill's words alone."""
SOURCE = "source"
"""Argument that names weights there are."""
LONGEST_QUOTE = 24
MOST_PLACES = 4
"""Places of a phrase that are looked at: saying a thing often is no more evidence."""
ARTICLE = 5
"""Characters that an article between two words takes."""
GAP = 26
"""Most characters between two parts of a phrase; none but a space where "this model" is more than "this … model"."""


@dataclass(frozen=True)
class Hit:
    """A phrase that stands in the request."""

    owner: str
    """``skill/group`` or ``skill/intent/group``."""
    phrase: str
    spans: tuple[Span, ...]
    weight: float
    said: str = ""
    """The words of the request that it stands for."""

    @property
    def choice(self) -> str:
        """Argument of which it is a value; empty for all other phrases."""
        return self.owner.split("/")[2] if "/choices/" in self.owner else ""

    @property
    def covered(self) -> frozenset[int]:
        """Places of its characters."""
        return frozenset(i for start, end in self.spans for i in range(start, end))


@dataclass(frozen=True)
class Wanted:
    """An intent and the evidence for it."""

    intent: Intent
    score: float
    places: tuple[int, ...] = ()
    """Where in the request it is said."""


@dataclass(frozen=True)
class Candidate:
    """A skill, installed or not, and the evidence for it."""

    name: str
    score: float
    manifest: Manifest | None
    neighbour: Neighbour | None = None
    """How another skill describes it."""
    wanted: tuple[Wanted, ...] = ()
    phrases: tuple[str, ...] = ()
    """What of the request speaks for it."""
    claim: float = 0.0
    """Evidence that it is meant and no other: its triggers, and what another skill's manifest gives for it."""
    chosen: Mapping[str, tuple[JsonValue, ...]] = field(default_factory=dict)
    """Values of arguments that the request names in plain language."""


@dataclass(frozen=True)
class Ranking:
    """Skills, the best first; none where nothing fits."""

    candidates: tuple[Candidate, ...]
    existing: bool = False
    """The request speaks of a model that is trained already."""
    best_guess: float = 0.0
    """Evidence for the best skill, also where it was not enough."""
    foreign: tuple[str, ...] = field(default=())
    """What of the request belongs to no skill."""


def rank(slots: Slots, known: Sequence[Manifest]) -> Ranking:
    """Rank the skills of ``known``, and those they name as neighbours, by the evidence in a request."""
    text = Text.of(slots.blank)
    names = frozenset(manifest.name for manifest in known)
    hits = _unmasked([hit for manifest in known for hit in _hits(manifest, text, names)])
    foreign = [hit for hit in hits if hit.owner.endswith("/foreign")]
    doubt = 1 - _together(hit.weight for hit in foreign)
    special = frozenset(other.name for manifest in known for other in manifest.neighbours)
    found = [_installed(manifest, hits, slots, doubt) for manifest in known]
    found += _neighbours(known, hits, doubt)
    # A special skill that is meant goes before the general one that only shares its matter.
    found.sort(key=lambda c: (c.name not in special or c.claim < FITS, -c.score, c.name))
    fitting = [candidate for candidate in found if candidate.score >= FITS]
    said = any(candidate.wanted for candidate in found) or slots.files or slots.run_ids or slots.inputs or foreign
    if not said:
        fitting = [one for one in found if one.manifest and _alone(one.manifest, text)] or fitting
    return Ranking(
        tuple(_covering_first(fitting, slots)),
        any(hit.owner.endswith("/existing") for hit in hits),
        max((candidate.score for candidate in found), default=0.0),
        tuple(dict.fromkeys(hit.said for hit in foreign)),
    )


def _hits(manifest: Manifest, text: Text, installed: frozenset[str]) -> Iterator[Hit]:
    """Yield every phrase of a manifest that stands in the request."""
    name = manifest.name
    groups = [(f"{name}/subjects", manifest.subjects, SUBJECT), (f"{name}/existing", manifest.existing, SUBJECT)]
    groups += [(f"{name}/foreign", manifest.foreign, FOREIGN)]
    groups += [(f"{name}/subjects", words, SUBJECT) for words in manifest.properties.values()]
    for argument, some in manifest.choices.items():
        groups += [(f"{name}/choices/{argument}/{i}", choice.words, WORD) for i, choice in enumerate(some)]
    for intent in (one for one in manifest.intents if one.until not in installed and not _barred(one, text)):
        groups += [(f"{name}/{intent.name}/triggers", intent.triggers, TRIGGER)]
        groups += [(f"{name}/{intent.name}/words", intent.words, WORD)]
    for other in manifest.neighbours:
        groups += [(f"{other.name}/neighbour", other.triggers, TRIGGER), (f"{other.name}/neighbour", other.words, WORD)]
    for owner, vocabulary, weight in groups:
        for phrase in vocabulary.phrases():
            more = min(0.97, weight + PHRASE * (len(parts(phrase)) - 1))
            gap = 1 if owner.endswith("/existing") else GAP
            found = _found(parts(phrase), text, gap)
            yield from (Hit(owner, phrase, spans, more, _words(text, spans)) for spans in found)


def _barred(intent: Intent, text: Text) -> bool:
    """Tell whether the request says side by side what an intent is not for."""
    phrases = intent.unless.phrases()
    return any(next(_found(parts(one), text, ARTICLE if one.isascii() else 1), None) for one in phrases)


def _alone(manifest: Manifest, text: Text) -> bool:
    """Tell whether the request names the skill's own matter."""
    return any(next(_found(parts(phrase), text, GAP), None) for phrase in manifest.alone.phrases())


def _covering_first(fitting: Sequence[Candidate], slots: Slots) -> list[Candidate]:
    """Put a skill first whose steps do all that the best one's do, unless weights to begin from are named already."""
    if len(fitting) < 2 or slots.run_ids or SOURCE in fitting[0].chosen:
        return list(fitting)
    best, *others = fitting
    meant = {f"{best.name}/{one.intent.name}" for one in best.wanted if one.score >= MEANT}
    for other in others:
        if meant and any(one.score >= MEANT and meant <= set(one.intent.covers) for one in other.wanted):
            first = replace(other, chosen={**best.chosen, **other.chosen})
            return [first, *(one for one in fitting if one is not other)]
    return list(fitting)


def _words(text: Text, spans: Sequence[Span]) -> str:
    """Return what stands in the request: the passage, or its words where they stand apart."""
    start, end = spans[0][0], spans[-1][1]
    whole = text.normal[start:end]
    return whole if len(whole) <= LONGEST_QUOTE else " … ".join(text.normal[a:b] for a, b in spans)


def _found(wanted: tuple[str, ...], text: Text, gap: int) -> Iterator[tuple[Span, ...]]:
    """Yield the places of a phrase: its parts in order, not too far apart."""
    for first in text.places(wanted[0])[:MOST_PLACES] if wanted else ():
        spans = [first]
        for part in wanted[1:]:
            end = spans[-1][1]
            following = next((span for span in text.places(part) if span[0] >= end), None)
            if following is None or following[0] - end > gap:
                break
            spans.append(following)
        if len(spans) == len(wanted):
            yield tuple(spans)


def _unmasked(hits: Sequence[Hit]) -> list[Hit]:
    """Leave out what lies wholly inside a longer hit; values of an argument and all other phrases do not touch each other."""
    covered = [(hit.covered, hit.choice) for hit in hits]
    return [
        hit
        for hit, (mine, choice) in zip(hits, covered, strict=True)
        if not any(mine < other and choice == of for other, of in covered)
    ]


def _together(weights: Iterable[float]) -> float:
    return 1 - prod(1 - weight for weight in weights)


def _evidence(hits: Iterable[Hit]) -> float:
    """Add up the evidence; what several lists or several places say is said once."""
    best: dict[str, float] = {}
    for hit in hits:
        key = " ".join(parts(hit.phrase))
        best[key] = max(best.get(key, 0.0), hit.weight)
    return _together(best.values())


def _installed(manifest: Manifest, hits: Sequence[Hit], slots: Slots, doubt: float) -> Candidate:
    own = [hit for hit in hits if hit.owner.startswith(f"{manifest.name}/") and not hit.owner.endswith("/foreign")]
    wanted = [_wanted(intent, own, manifest.name) for intent in manifest.intents]
    given = ((slots.files, NAMED_FILE), (slots.inputs, NAMED_INPUT), (slots.run_ids, NAMED_RUN))
    named = [weight for names_, weight in given if names_]
    score = doubt * _together([_evidence(own), *named])
    chosen = sorted((w for w in wanted if w.score >= WANTED), key=lambda w: (-w.score, w.intent.name))
    claim = doubt * _evidence(hit for hit in own if hit.owner.endswith(("/neighbour", "/triggers")))
    return Candidate(manifest.name, score, manifest, None, tuple(chosen), _phrases(own), claim, _chosen(manifest, own))


def _chosen(manifest: Manifest, own: Sequence[Hit]) -> dict[str, tuple[JsonValue, ...]]:
    """Return the named values of arguments in the order in which the request names them."""
    prefix = f"{manifest.name}/choices/"
    said = sorted((hit for hit in own if hit.owner.startswith(prefix)), key=lambda hit: hit.spans[0][0])
    found: dict[str, dict[str, JsonValue]] = {}
    for hit in said:
        argument, i = hit.owner.removeprefix(prefix).split("/")
        found.setdefault(argument, {})[i] = manifest.choices[argument][int(i)].value
    return {argument: tuple(values.values()) for argument, values in found.items()}


def _wanted(intent: Intent, own: Sequence[Hit], name: str) -> Wanted:
    mine = [hit for hit in own if hit.owner.startswith(f"{name}/{intent.name}/")]
    return Wanted(intent, _evidence(mine), tuple(sorted(hit.spans[0][0] for hit in mine)))


def _neighbours(known: Sequence[Manifest], hits: Sequence[Hit], doubt: float) -> list[Candidate]:
    """Return the skills that others name; an installed one keeps its own intents."""
    installed = {manifest.name: manifest for manifest in known}
    found = []
    for other in {o.name: o for manifest in known for o in manifest.neighbours}.values():
        mine = [hit for hit in hits if hit.owner == f"{other.name}/neighbour"]
        if mine and other.name not in installed:
            claim = doubt * _evidence(mine)
            found.append(Candidate(other.name, claim, None, other, (), _phrases(mine), claim))
    return found


def _phrases(hits: Iterable[Hit]) -> tuple[str, ...]:
    strongest = sorted(hits, key=lambda hit: -hit.weight)
    # where a file was named, blanks stand
    return tuple(dict.fromkeys(re.sub(r"\s{2,}", " … ", hit.said) for hit in strongest))
