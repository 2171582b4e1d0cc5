import csv
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # the helpers that several folders share

from pretrained import bert, sentences


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    return bert(tmp_path_factory.mktemp("hub") / "tiny-bert")


@pytest.fixture
def texts(workspace):
    path = workspace.root / "texts.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text", "metal"], *zip(*sentences(90), strict=True)])
    return str(path)
