"""The five recipes of CONTRIBUTING: one new file, nothing else edited, and it is there on every face."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeAlias

import pytest

REPOSITORY = Path(__file__).parents[2]
RECIPES = REPOSITORY / "tests" / "plugins" / "recipes"
KINDS = ("operations", "models", "modalities", "exporters", "executors")
Found: TypeAlias = dict[str, Any]
EVERYWHERE = """
import json, sys
import scitrain
from scitrain.executors import EXECUTORS
from scitrain.exporters import EXPORTERS
from scitrain.modalities import MODALITIES
from scitrain.models import FAMILIES
model = scitrain.TrainModel(data="x.csv", model="waves", export=["npz"]).model
sys.stdout.write(json.dumps({
    "operations": "count_rows" in scitrain.OPERATIONS and "CountRows" in scitrain.__all__,
    "models": "waves" in FAMILIES and type(model).__name__ == "Waves" and model.waves == 16
        and '"waves"' in json.dumps(scitrain.TrainModel.model_json_schema()),
    "modalities": "peptide" in MODALITIES,
    "exporters": "npz" in EXPORTERS,
    "executors": "patient" in EXECUTORS,
}))
"""
TOOL = """
import json, sys
import anyio
from mcp import Client
from scitrain_server import Settings, build
from scitrain.workspace import Workspace
from pathlib import Path

async def ask():
    async with Client(build(Settings(Workspace(Path(sys.argv[1]), ())))) as client:
        [tool] = [tool for tool in (await client.list_tools()).tools if tool.name == "count_rows"]
        reply = await client.call_tool("count_rows", {"data": sys.argv[2]})
    sys.stdout.write(json.dumps([tool.description, tool.input_schema, reply.structured_content]))

anyio.run(ask)
"""
SUBMIT = """
import os, sys
from scitrain import OPERATIONS, Workspace
from scitrain.executors import EXECUTORS
from scitrain.runs import Run
workspace = Workspace.from_environment()
started = OPERATIONS["tiny_job"]().start(workspace, EXECUTORS["patient"])
run = Run.open(started.run_id, workspace)
record = run.record()
said = (run.path / "results/answer.txt").read_text()
sys.stdout.write(f"{record.executor} {record.status} {said}")
"""
TRAIN = """
import sys
from scitrain import Predict, TrainModel
trained = TrainModel(
    data=sys.argv[1], target="y", ignore=["size"], model={"family": "waves", "waves": 4}, epochs=2, ensemble=1, export=["npz"]
).run()
predicted = Predict(run=trained.run_id, inputs=["ACDEFGHIK", "xyz"], backend="torch").run()
sys.stdout.write(f"[{trained.model_dump_json()}, {predicted.model_dump_json()}]")
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the toolkit into which the files of the recipes were dropped."""
    root = tmp_path_factory.mktemp("house")
    # With its compiled files, which stay valid because times are kept.
    shutil.copytree(REPOSITORY / "toolkit", root / "toolkit")
    for kind in KINDS:
        for path in (RECIPES / kind).glob("*.py"):
            target = root / "toolkit" / "scitrain" / kind / path.name
            assert not target.exists(), "a recipe must be a new file"
            shutil.copy(path, target)
    for folder in ("templates", "skills"):
        (root / folder).symlink_to(REPOSITORY / folder)
    return root / "toolkit"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of peptides and a number with a target that depends on both."""
    chance = random.Random(0)
    lines = ["sequence,size,y"]
    for _ in range(60):
        sequence = "".join(chance.choices("ACDEFGHIKLMNPQRSTVWY", k=chance.randint(8, 20)))
        size = chance.gauss(0, 1)
        lines.append(f"{sequence},{size:.4f},{sequence.count('A') + 2 * size + chance.gauss(0, 0.1):.4f}")
    path = tmp_path_factory.mktemp("workspace") / "peptides.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def run(words: list[str], extended: Path, table: Path, **environment: str) -> str:
    """Run Python on ``words`` with the extended toolkit; returns what it prints."""
    extra = {"PYTHONPATH": str(extended), "SCITRAIN_WORKSPACE": str(table.parent), "SCITRAIN_SLOTS": "1"}
    done = subprocess.run(
        [sys.executable, *words], env=os.environ | extra | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def trained(extended: Path, table: Path) -> tuple[Found, Found]:
    """Return what a training answers that takes a new modality, a new family and a new format, and a prediction with it."""
    said = run(["-c", TRAIN, str(table)], extended, table)
    results: list[Found] = json.loads(said.splitlines()[-1])
    return results[0], results[1]


def artifact(found: Found, table: Path, name: str) -> Found:
    read: Found = json.loads((table.parent / "runs" / found["run_id"] / name).read_text())
    return read


def test_files_dropped_into_the_folders_are_known_everywhere(extended: Path, table: Path) -> None:
    known = json.loads(run(["-c", EVERYWHERE], extended, table))
    assert known == dict.fromkeys(KINDS, True)


@pytest.mark.parametrize("order", [KINDS, KINDS[::-1]], ids=["operations first", "operations last"])
def test_files_named_in_the_environment_are_known_everywhere(table: Path, order: tuple[str, ...]) -> None:
    files = [str(path) for kind in order for path in (RECIPES / kind).glob("[a-z]*.py")]
    toolkit = REPOSITORY / "toolkit"
    known = json.loads(run(["-c", EVERYWHERE], toolkit, table, SCITRAIN_PLUGINS=os.pathsep.join(files)))
    assert known == dict.fromkeys(KINDS, True)


def test_a_new_operation_is_a_command_and_a_tool(extended: Path, table: Path) -> None:
    said = run(["-m", "scitrain", "count-rows", "--data", str(table), "--json"], extended, table)
    assert json.loads(said) == {"rows": 60}
    description, schema, answer = json.loads(run(["-c", TOOL, str(table.parent), str(table)], extended, table))
    assert description == "Count the rows of a table."
    assert schema["properties"]["data"]["description"] == "Path of the table."
    assert schema["required"] == ["data"]
    assert answer == {"rows": 60}


def test_a_new_model_family_trains(trained: tuple[Found, Found], table: Path) -> None:
    assert trained[0]["model"] == "waves"
    assert artifact(trained[0], table, "models/config.json")["model"] == {"family": "waves", "waves": 4}


def test_a_new_modality_is_recognised_trained_and_predicted_with(trained: tuple[Found, Found]) -> None:
    assert trained[0]["modality"] == "peptide"
    good, bad = trained[1]["predictions"]
    assert good["predictions"][0]["value"] is not None
    assert "'xyz' is no sequence" in bad["error"]


def test_a_new_format_is_written_and_verified(trained: tuple[Found, Found], table: Path) -> None:
    check = artifact(trained[0], table, "models/export_check.json")["formats"]["npz"]
    assert check["passed"]
    assert check["max_difference"] <= check["tolerance"]
    assert (table.parent / "runs" / trained[0]["run_id"] / check["file"]).is_file()


def test_a_new_executor_executes_a_run(extended: Path, table: Path) -> None:
    job = str(RECIPES.parent / "tiny_operations.py")
    said = run(["-c", SUBMIT], extended, table, SCITRAIN_PLUGINS=job)
    assert said.splitlines()[-1] == "patient completed 42"
