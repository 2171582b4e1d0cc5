"""All benchmarks, one after the other: ``python -m benchmarks [--data FOLDER] [NAME …]``; prints where the results lie.

A benchmark is a module of this package with ``main(argv) -> dict``; those that need the public data sets are left out, with
a word, where no folder is given. Run them on a machine that does nothing else.
"""

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence

from benchmarks import _machine

__all__ = ["ALONE", "WITH_DATA", "main"]

ALONE = (
    "training_step",
    "pretraining_step",
    "image_training",
    "onnx_latency",
    "compression",
    "server_latency",
    "distributed",
    "few_shot",
    "gpu",
)
WITH_DATA = (
    "formulas",
    "molecules",
    "tox21",
    "spectra",
    "proteins",
    "tuning",
    "finetune",
    "distillation",
    "zero_shot",
    "adaptation",
    "generation",
    "design",
    "band_gap",
    "pretraining_gain",
    "tokenizers",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the named benchmarks, or all; returns 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join((*ALONE, *WITH_DATA))}; all without")
    _machine.add_data_option(parser)
    given = parser.parse_args(argv)
    unknown = set(given.names) - {*ALONE, *WITH_DATA}
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join((*ALONE, *WITH_DATA))}")
    if given.data is not None:
        os.environ[_machine.DATA_VARIABLE] = str(given.data)
    failed = [name for name in given.names or (*ALONE, *WITH_DATA) if not _run(name)]
    print(f"results: {_machine.RESULTS.relative_to(_machine.RESULTS.parents[1])}/*.json")
    return 1 if failed else 0


def _run(name: str) -> bool:
    if name in WITH_DATA and _machine.DATA_VARIABLE not in os.environ:
        print(f"{name}: left out, for it needs --data FOLDER or the variable {_machine.DATA_VARIABLE}", flush=True)
        return True
    print(f"{name} …", flush=True)
    try:
        importlib.import_module(f"benchmarks.{name}").main([])
    except Exception:  # noqa: BLE001 -- the other benchmarks still run; the failure is told and makes the exit code 1
        traceback.print_exc()
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
