"""What written texts are worth, on rows of chemical systems that nobody learned from, beside what needs no T5."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue
from sklearn.ensemble import RandomForestRegressor
from sklearn.neighbors import NearestNeighbors

from scitrain.chem.formula_features import featurise
from scitrain.generation.measures import Measure, mean_of, share_of
from scitrain.generation.t5.pairs import Pairs, read_back

__all__ = ["chrf", "judge_written"]

TREES = 200
LARGEST, BETA = 6, 2.0
FEWEST = 10
"""Numbers from which a forest is grown."""


def chrf(said: str, truth: str) -> float:
    """Return chrF in 0…1: Fβ, β = 2, of mean precision and recall over character n-grams, n = 1…6 (Popović 2015, doi:10.18653/v1/W15-3049).

    Spaces do not count; orders that a text is too short for are left out.
    """
    said, truth = "".join(said.split()), "".join(truth.split())
    if not said or not truth:
        return float(said == truth)
    precisions, recalls = [], []
    for n in range(1, min(LARGEST, len(said), len(truth)) + 1):
        own, other = (Counter(text[i : i + n] for i in range(len(text) - n + 1)) for text in (said, truth))
        both = (own & other).total()
        precisions.append(both / own.total())
        recalls.append(both / other.total())
    p, r = float(np.mean(precisions)), float(np.mean(recalls))
    return (1 + BETA**2) * p * r / (BETA**2 * p + r) if p + r > 0 else 0.0


@dataclass(frozen=True)
class Parts:
    """Who is taught, who is asked, and what element statistics say of both."""

    pairs: Pairs
    train: np.ndarray
    """int64 rows."""
    test: np.ndarray
    x_train: np.ndarray
    """float (n, features)."""
    x_test: np.ndarray


def judge_written(
    pairs: Pairs, train: np.ndarray, test: np.ndarray, said: Sequence[str], seed: int
) -> list[dict[str, JsonValue]]:
    """Return for each column what the texts ``said`` (len(test),) of test rows are worth, as JSON."""
    parts = Parts(pairs, train, test, *_statistics(*([pairs.formulas[row] for row in part] for part in (train, test))))
    own = [read_back(pairs.columns, text) for text in said]
    found = []
    for at, column in enumerate(pairs.columns):
        told = [one.get(column.name) for one in own]
        if column.number:
            found.append(_numbers(parts, at, told, seed))
        else:
            found.append(_words(parts, at, told))
    return found


def _statistics(train: Sequence[str], test: Sequence[str]) -> list[np.ndarray]:
    """Return element statistics (n, features) of both, standardised by the training formulas."""
    how = {"columns": ["formula"], "log_fractions": False}
    both = [featurise({"formula": list(part)}, how)[0].astype(float) for part in (train, test)]
    middle, spread = both[0].mean(0), both[0].std(0)
    return [np.asarray((x - middle) / np.where(spread > 0, spread, 1.0)) for x in both]


def _numbers(parts: Parts, at: int, told: Sequence[float | str | None], seed: int) -> dict[str, JsonValue]:
    """Return the MAE beside the training median and a random forest; where no number could be read, the median stands for it."""
    numbers, column = parts.pairs.numbers[:, at], parts.pairs.columns[at]
    truth, known = numbers[parts.test], np.isfinite(numbers[parts.train])
    values, there = numbers[parts.train][known], np.isfinite(truth)
    base: dict[str, JsonValue] = {"name": column.name, "unit": column.unit, "number": True, "n": int(there.sum())}
    if not there.any() or not known.any():
        return base | {"reason": "no test row, or no training row, has a number"}
    middle = float(np.median(values))
    read = np.array([float(one) if isinstance(one, float) else np.nan for one in told])[there]
    own = np.abs(np.where(np.isfinite(read), read, middle) - truth[there])
    rivals = {"median": np.abs(middle - truth[there])}
    if len(values) >= FEWEST:
        forest = RandomForestRegressor(TREES, random_state=seed).fit(parts.x_train[known], values)
        rivals["random forest"] = np.abs(forest.predict(parts.x_test[there]) - truth[there])
    unit = column.unit or ""
    best = min(rivals, key=lambda name: float(rivals[name].mean()))
    return base | {
        "read": share_of("read", np.isfinite(read), "share of test rows whose number can be read").record(),
        "mae": mean_of("mae", own, "mean absolute error", unit).record(),
        "beside": {
            name: mean_of(name, errors, "mean absolute error", unit).record() for name, errors in rivals.items()
        },
        "rival": best,
        "gain": mean_of("gain", rivals[best] - own, f"error of {best} minus own, in pairs", unit).record(),
        "truth": truth[there].tolist(),
        "said": [None if np.isnan(one) else float(one) for one in read],
    }


def _words(parts: Parts, at: int, told: Sequence[float | str | None]) -> dict[str, JsonValue]:
    """Return exact matches and chrF beside the text of the nearest training formula."""
    column, words = parts.pairs.columns[at], [row[at] for row in parts.pairs.words]
    having = np.array([bool(words[row]) for row in parts.train])
    there = [i for i, row in enumerate(parts.test) if words[row]]
    base: dict[str, JsonValue] = {"name": column.name, "unit": None, "number": False, "n": len(there)}
    if not there or not having.any():
        return base | {"reason": "no test row, or no training row, has a text"}
    truth = [words[parts.test[i]] for i in there]
    own = [str(told[i] or "") for i in there]
    near = NearestNeighbors(n_neighbors=1).fit(parts.x_train[having])
    places = near.kneighbors(parts.x_test[there], return_distance=False)[:, 0]
    copied = [words[row] for row in parts.train[having][places]]
    scores = [np.array([chrf(a, b) for a, b in zip(some, truth, strict=True)]) for some in (own, copied)]
    exact = [a == b for a, b in zip(own, truth, strict=True)]
    copies = [a == b for a, b in zip(copied, truth, strict=True)]

    def said(one: Measure) -> JsonValue:
        return one.record()

    return base | {
        "exact": said(share_of("exact", exact, "share of test rows whose text is the very one")),
        "chrf": said(mean_of("chrf", scores[0], "chrF (Popović 2015, doi:10.18653/v1/W15-3049)")),
        "beside": {
            "text of the nearest training formula": said(mean_of("chrf", scores[1], "chrF")),
            "exact": said(share_of("exact", copies, "exact")),
        },
        "rival": "text of the nearest training formula",
        "gain": said(
            mean_of("gain", scores[0] - scores[1], "chrF minus that of the nearest training formula, in pairs")
        ),
    }
