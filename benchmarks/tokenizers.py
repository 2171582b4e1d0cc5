"""SMILES to ids: many at once, by transformers' own call, and by the loop one writes by hand.

    python -m benchmarks.tokenizers --data FOLDER [--repeats 15]

Goal: the strings of chembl_50k.csv ≥ 20 × as fast as a Python loop over a regular expression and a dictionary. All contestants
begin with a list of strings and end with ids: an array with the end of each row, an object a text, lists. The rounds are interleaved;
medians are compared, and the processor's own time stands beside the wall's, which on a shared machine also measures the neighbours.
"""

import argparse
import csv
import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import _machine
from scitrain.tokenizers import encode, smiles

__all__ = ["PATTERN", "by_hand", "main", "measured"]

GOAL = 20
PATTERN = re.compile(
    r"(\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\(|\)|\.|=|#|-|\+|\\|\/|:|~|@|\?|>>?|\*|\$|\%[0-9]{2}|[0-9])"
)
"""Schwaller et al. 2019, doi:10.1021/acscentsci.9b00576, as nearly everybody takes it."""


def by_hand(texts: Sequence[str], vocabulary: dict[str, int]) -> list[list[int]]:
    """Return the ids by the loop one writes by hand."""
    first, last = vocabulary["[CLS]"], vocabulary["[SEP]"]
    return [[first, *[vocabulary[token] for token in PATTERN.findall(text)], last] for text in texts]


def measured(texts: Sequence[str], repeats: int) -> dict[str, Any]:
    """Let the three take turns, and return their milliseconds and the ratios."""
    tokenizer = smiles()
    vocabulary = tokenizer.get_vocab()
    contestants: dict[str, Callable[[], Any]] = {
        "bulk": lambda: encode(tokenizer, texts),
        "python_loop": lambda: by_hand(texts, vocabulary),
        "pretrained_tokenizer_fast": lambda: tokenizer(texts)["input_ids"],
    }
    found = {name: contestant() for name, contestant in contestants.items()}  # a warm-up, too
    if not found["bulk"].rows() == found["python_loop"] == found["pretrained_tokenizer_fast"]:
        raise SystemExit("the three disagree about an id: nothing is measured")
    del found
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, contestant in contestants.items():
            times[name].append(_timed(contestant))
    figures: dict[str, Any] = {"texts": len(texts), "characters": sum(map(len, texts)), "rounds": repeats}
    for place, clock in enumerate(("wall", "cpu")):
        middle = {name: median(one[place] for one in rounds) for name, rounds in times.items()}
        figures[clock] = {
            "milliseconds": {name: round(1e3 * value, 1) for name, value in middle.items()},
            "fastest": {name: round(1e3 * min(one[place] for one in rounds), 1) for name, rounds in times.items()},
            "loop_over_bulk": round(middle["python_loop"] / middle["bulk"], 1),
            "pretrained_tokenizer_fast_over_bulk": round(middle["pretrained_tokenizer_fast"] / middle["bulk"], 1),
        }
    return figures | {"goal": {"loop_over_bulk": GOAL}}


def _timed(work: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    took = time.perf_counter() - wall, time.process_time() - cpu
    del found  # to throw the ids away is no part of it
    return took


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/tokenizers.json`` and return what it holds."""
    parser = argparse.ArgumentParser()
    _machine.add_data_option(parser)
    parser.add_argument("--repeats", type=int, default=15)
    given = parser.parse_args(argv)
    folder: Path = _machine.data_folder(given.data)
    with (folder / "chembl_50k.csv").open(newline="", encoding="utf-8") as file:
        texts = [row["smiles"] for row in csv.DictReader(file)]
    machine = _machine.describe()
    command = f"python -m benchmarks.tokenizers --data FOLDER --repeats {given.repeats}"
    report = _machine.keep("tokenizers", command, machine, measured(texts, given.repeats))
    print(json.dumps(report["figures"], indent=2))
    return report


if __name__ == "__main__":
    main()
