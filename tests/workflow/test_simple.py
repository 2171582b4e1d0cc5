from pathlib import Path

import numpy as np
import pytest

from scitrain.data.options import DataOptions
from scitrain.data.prepare import prepare
from scitrain.data.prepared import Prepared
from scitrain.workflow.simple import Asked, simple_models
from scitrain.workspace import Workspace

RNG = np.random.default_rng(5)
X = RNG.normal(size=(90, 3)).astype(np.float32)


@pytest.fixture
def prepared(workspace: Workspace) -> Prepared:
    table = workspace.root / "table.csv"
    rows = (f"{a},{b},{c},{a + 2 * b}" for a, b, c in X)
    table.write_text("\n".join(["a,b,c,y", *rows]), encoding="utf-8")
    return prepare(DataOptions(data="table.csv", target="y"), workspace)


def test_simple_models_speak_of_validation_and_test_rows_in_their_order(prepared: Prepared) -> None:
    with simple_models(prepared, X, Asked(1)) as answer:
        said = {model.name: model.said for model in answer()}
    assert list(said) == ["mean", "ridge", "random forest"]
    for split in ("val", "test"):
        assert said["ridge"][split] == pytest.approx(prepared.y[prepared.split[split]], abs=0.1)
    assert set(said["mean"]) == {"val", "test"}


def test_features_of_a_file_are_read_there_and_no_further_than_asked(prepared: Prepared, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.concatenate([X, np.full((90, 2), np.nan, np.float32)], axis=1))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")[:, :3]
    with simple_models(prepared, mapped, Asked(1)) as from_file, simple_models(prepared, X, Asked(1)) as from_memory:
        for one, other in zip(from_file(), from_memory(), strict=True):
            np.testing.assert_array_equal(one.said["test"], other.said["test"])
