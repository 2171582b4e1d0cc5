"""Few-shot classification: letters of alphabets that the encoder has never seen, and digits it has never seen.

    python -m benchmarks.few_shot            # three trainings each
    python -m benchmarks.few_shot --quick    # one

Goal: 5-way 5-shot on held-out classes above the nearest neighbour on raw pixels, the paired 95 % interval excluding zero.

Letters: each class is a character, each row that character in another face of the fonts that ship with matplotlib (DejaVu,
STIX). Base classes: digits, Latin and Greek small letters; held out: Armenian and Georgian. Digits: scikit-learn's 8 × 8
images, 0–4 against 5–9. Both divisions, by alphabet and by value, were fixed before anything was measured; the encoder is
`train_model` with its defaults, the few-shot run `few_shot_classify` with its defaults.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits

import scitrain
from benchmarks import _machine
from benchmarks._training import spread
from scitrain.runs import Run
from scitrain.workspace import Workspace

__all__ = ["digits", "letters", "main"]

SEEDS = (42, 1, 2)
SIDE, POINTS, BASELINE = 24, 20, 18
"""Pixels of a picture, size of the font, and where its baseline lies."""
FACES = ("DejaVuSans", "DejaVuSerif", "STIXGeneral")
BASE = {"digit": range(0x30, 0x3A), "latin": [*range(0x41, 0x5B), *range(0x61, 0x7B)], "greek": range(0x3B1, 0x3CA)}
HELD_OUT = {"armenian": [*range(0x531, 0x557), *range(0x561, 0x587)], "georgian": range(0x10D0, 0x10F1)}
RAW = "nearest neighbour on raw features"


def letters(seeds: Sequence[int]) -> dict[str, Any]:
    """Train on Latin, Greek and digits, and judge on Armenian and Georgian."""
    return _measure(
        "letters", lambda folder: (_render(folder / "base", BASE), _render(folder / "new", HELD_OUT)), seeds
    )


def digits(seeds: Sequence[int]) -> dict[str, Any]:
    """Train on 0–4, and judge on 5–9."""
    return _measure("digits", _write_digits, seeds)


def _render(folder: Path, alphabets: Mapping[str, Iterable[int]]) -> Path:
    fonts = Path(matplotlib.get_data_path(), "fonts", "ttf")
    faces = [path for path in sorted(fonts.glob("*.ttf")) if path.name.startswith(FACES) and "Display" not in path.name]
    for face in faces:
        known, font = FT2Font(os.fspath(face)).get_charmap(), ImageFont.truetype(os.fspath(face), POINTS)
        for name, codes in alphabets.items():
            for code in codes:
                if code in known:
                    picture = Image.new("L", (SIDE, SIDE), 0)
                    ImageDraw.Draw(picture).text((SIDE / 2, BASELINE), chr(code), fill=255, font=font, anchor="ms")
                    target = folder / f"{name}-{code:04x}" / f"{face.stem}.png"
                    target.parent.mkdir(parents=True, exist_ok=True)
                    picture.save(target)
    return folder


def _write_digits(folder: Path) -> tuple[Path, Path]:
    found = load_digits()
    for i, (pixels, label) in enumerate(zip(found.images, found.target, strict=True)):
        target = folder / ("base" if label < 5 else "new") / str(label) / f"{i:04d}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15).astype(np.uint8)).save(target)
    return folder / "base", folder / "new"


def _measure(what: str, write: Callable[[Path], tuple[Path, Path]], seeds: Sequence[int]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        base, new = write(Path(folder))
        each = [_once(base, new, seed, Workspace(Path(folder) / "workspace")) for seed in seeds]
    for one in each:
        print(f"{what}: accuracy {one['accuracy']['value']}, ahead of raw {one['ahead_of_raw']}", flush=True)
    return {
        "accuracy": spread([one["accuracy"]["value"] for one in each]),
        "of_each_training": each,
        "goal": "the interval of ahead_of_raw above zero in each training",
        "reached": all(one["ahead_of_raw"]["low"] > 0 for one in each),
    }


def _once(base: Path, new: Path, seed: int, workspace: Workspace) -> dict[str, Any]:
    encoder = scitrain.TrainModel(data=str(base), seed=seed, export=[]).run(workspace=workspace)
    done = scitrain.FewShotClassify(data=str(new), encoder=encoder.run_id, seed=seed).run(workspace=workspace)
    rows = {row["name"]: row for row in Run.open(done.run_id, workspace).read_json("results/metrics.json")["metrics"]}
    accuracy, told = rows["accuracy"], Run.open(done.run_id, workspace).read_json("results/few_shot.json")
    ends = ("value", "low", "high")
    raw = accuracy["baselines"][RAW]
    return {
        "seed": seed,
        "encoder": encoder.model,
        "classes": len(done.classes),
        "episodes": told["episodes"],
        "way": told["way"],
        "shot": told["shot"],
        "queries": told["queries"],
        "accuracy": {end: round(accuracy[end], 4) for end in ends},
        "ece": round(rows["ece"]["value"], 4),
        "rivals": {name: round(row["value"], 4) for name, row in accuracy["baselines"].items()},
        "ahead_of_raw": {
            end: round(raw[key], 4)
            for end, key in zip(ends, ("difference", "difference_low", "difference_high"), strict=True)
        },
    }


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/few_shot.json`` and return what it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args(argv)
    machine, seeds = _machine.describe(), SEEDS[:1] if given.quick else SEEDS
    figures = {"letters": letters(seeds), "digits": digits(seeds)}
    quick = " --quick" if given.quick else ""
    name = "few_shot_quick" if given.quick else "few_shot"
    return _machine.keep(name, f"python -m benchmarks.few_shot{quick}", machine, figures)


if __name__ == "__main__":
    main()
