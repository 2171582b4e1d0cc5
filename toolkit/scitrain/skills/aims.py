"""What a request wants of a property: a value, a range, a bound or a direction, said before or after its name."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from scitrain.skills.manifest import Computed, Vocabulary
from scitrain.skills.text import Span, Text, parts

__all__ = ["Aim", "Aims", "read_aims"]

AFTER, BEFORE = 48, 24
"""Characters that are read on either side of a property."""
N = r"([-−]?\d+(?:,\d{3})*(?:\.\d+)?)(?![\d.]*\d)"
UNIT = r"\s*(?:ev|g/mol|da\b|å\s?(?:\^?2)?|a\^?2|usd/kg|k\b)?\s*"
NOT_A_COUNT = r"(?!\s*-?\s*(?:個|種類|件|molecules|compounds|candidates|structures|formulas|compositions|materials|new|rows|epochs))"
GLUE = (
    r"^\s*(?:\([^)]*\))?[\s:=,]*(?:(?:values?|scores?|の?値)\b)?\s*"
    r"(?:(?:that is|is|are|be|being|lying|lies|of|at|to|=|:|が|を|は|の|も|で)\s*)*"
)
LEAST_WORD = r"(?:above|over|greater than|more than|higher than|larger than|at least|no less than|not below|exceeding|minimum of|min|>=?|≥)"
MOST_WORD = r"(?:below|under|less than|lower than|smaller than|at most|no more than|not above|up to|within|maximum of|max|<=?|≤)"
ABOUT = r"(?:around|about|near(?:ly)?|close to|approximately|roughly|exactly|~|≈|約|およそ|ほぼ)?"
RANGE = re.compile(
    rf"{GLUE}(?:(?:between|from|in the range(?: of)?|in|within)\s+{N}{UNIT}(?:and|to|-|–)"
    rf"|{N}{UNIT}(?:to|-|–|~|〜|から|以上|より大きく))[\s、]*{N}"
)
SPREAD = re.compile(rf"{GLUE}{ABOUT}\s*{N}{UNIT}(?:±|\+/-|\+-)\s*{N}")
LEAST = re.compile(rf"{GLUE}(?:{LEAST_WORD}\s*{N}|{N}{UNIT}(?:以上|超|より(?:大き|高)|or (?:more|above|higher)))")
MOST = re.compile(rf"{GLUE}(?:{MOST_WORD}\s*{N}|{N}{UNIT}(?:以下|未満|より(?:小さ|低)|or (?:less|below|lower|fewer)))")
VALUE = re.compile(rf"{GLUE}{ABOUT}\s*{N}{NOT_A_COUNT}")
UP_AFTER = re.compile(rf"{GLUE}(?:high|large|max|as (?:high|large)|高|最大|大き|向上|上げ)")
DOWN_AFTER = re.compile(rf"{GLUE}(?:low|small|min|as (?:low|small)|低|最小|小さ|下げ)")
OF = r"(?:\s+(?:the|of|a|its))*\s*$"
UP_BEFORE = re.compile(
    rf"(?:\b(?:high(?:er|est)?|larger?|largest|maxim\w+|increas\w+|rais\w+|improv\w+)|高い|最大の|大きい|大きな){OF}"
)
DOWN_BEFORE = re.compile(
    rf"(?:\b(?:low(?:er|est)?|small(?:er|est)?|minim\w+|decreas\w+|reduc\w+)|低い|最小の|小さい|小さな){OF}"
)
COUNT = re.compile(rf"({LEAST_WORD}|{MOST_WORD})?\s*{N}\s*-?\s*$")
SPACES = re.compile(r"\s+")
SENTENCE = re.compile(r"[.!?]\s|[;。！？\n]")
CONDITION = re.compile(
    r"\bcondition|\bgiven\b|\bdesired\b|\bspecif|\basked for\b|\btarget|\bwanted\b|\bpareto\b|\bmulti-?objective|\btrade-?off|"
    r"パレート|多目的|両立|条件|指定|目標|所望|狙"
)
"""Words beside which a property that is merely named is one to be asked for."""


class Aim(NamedTuple):
    """What is wanted of one property."""

    value: JsonValue
    """A number, ``{min, max}``, ``{value, tolerance}``, a direction; None where the property is merely named."""
    computed: bool
    """It follows from the molecule or formula alone, without a trained model."""
    told: bool
    """A generator can be trained to heed it."""


Aims = dict[str, Aim]


def read_aims(request: str, computed: Mapping[str, Computed], columns: Mapping[str, Vocabulary]) -> Aims:
    """Return what is wanted of computed properties, and of the columns that are known, by name."""
    text = Text.of(request)
    named = [(span, name) for name, words in (*columns.items(), *computed.items()) for span in _spans(words, text)]
    places = _longest(named)
    found: Aims = {}
    for i, (span, name) in enumerate(places):
        before = places[i - 1][0][1] if i else 0
        after = places[i + 1][0][0] if i + 1 < len(places) else len(text.normal)
        value = _value(text.normal, span, before, after)
        one = computed.get(name)
        if value is None and one is not None:
            value = one.means
        if value is not None or (CONDITION.search(text.normal) and name not in found):
            found[name] = Aim(value, one is not None, one is None or one.told)
    return found


def _spans(words: Vocabulary, text: Text) -> list[Span]:
    """Return where the phrases stand, their words side by side."""
    found = []
    for phrase in words.phrases():
        first, *more = parts(phrase)
        for start, end in text.places(first):
            for part in more:
                end = next((b for a, b in text.places(part) if 0 <= a - end <= 1), -9)
            if end > start:
                found.append((start, end))
    return found


def _longest(named: Sequence[tuple[Span, str]]) -> list[tuple[Span, str]]:
    """Leave out what lies inside a longer name, and order by place; of the same place the computed one stays."""
    by_place = dict(named)
    kept = [
        (span, name)
        for span, name in by_place.items()
        if not any(other != span and other[0] <= span[0] and span[1] <= other[1] for other in by_place)
    ]
    return sorted(kept)


def _value(text: str, span: Span, before: int, after: int) -> JsonValue:
    # runs of blanks, which stand where files were named, would be tried in every division
    tail = SPACES.sub(" ", SENTENCE.split(text[span[1] : min(after, span[1] + AFTER)])[0])
    head = SPACES.sub(" ", SENTENCE.split(text[max(before, span[0] - BEFORE) : span[0]])[-1])
    if (said := _said_after(tail)) is not None:
        return said
    if UP_BEFORE.search(head) or UP_AFTER.match(tail):
        return "maximize"
    if DOWN_BEFORE.search(head) or DOWN_AFTER.match(tail):
        return "minimize"
    return _count(head)


def _said_after(tail: str) -> JsonValue:
    if match := RANGE.match(tail):
        low, high = sorted((_number(match[1] or match[2]), _number(match[3])))
        return {"min": low, "max": high}
    if match := SPREAD.match(tail):
        return {"value": _number(match[1]), "tolerance": _number(match[2])}
    for key, pattern in (("min", LEAST), ("max", MOST)):
        if match := pattern.match(tail):
            return {key: _number(match[1] or match[2])}
    match = VALUE.match(tail)
    return _number(match[1]) if match else None


def _count(head: str) -> JsonValue:
    """Return the number before what is counted, as in *at most 3 rings*."""
    match = COUNT.search(head)
    if match is None:
        return None
    if match[1] is None:
        return _number(match[2])
    return {"min" if re.fullmatch(LEAST_WORD, match[1]) else "max": _number(match[2])}


def _number(said: str) -> int | float:
    value = float(said.replace(",", "").replace("−", "-"))
    return int(value) if value.is_integer() and "." not in said else value
