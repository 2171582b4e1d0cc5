"""One declaration, four faces: Python, command line, MCP tool and record say the same."""

import json
import subprocess
import sys
from argparse import ArgumentParser

import pytest
from mcp import Client

from scitrain import cli
from scitrain.contracts.operation import Job, Started, job_of
from scitrain.flags import add_flags, arguments
from scitrain.operations import OPERATIONS
from scitrain.request import parse
from scitrain.runs import Run, run_ids
from scitrain.workspace import Workspace
from scitrain_server import Settings, build

HEAVY = (
    "IPython", "PIL", "matplotlib", "numpy", "onnx", "onnxruntime", "optuna", "pandas", "pyarrow", "pymatgen", "pytorch_lightning", "rdkit",
    "scipy", "sklearn", "sqlalchemy", "timm", "torch", "torchvision", "transformers",
)  # fmt: skip
LIGHT_ACTS = {
    "import of the package": "import scitrain",
    "import of the server": "import scitrain_server",
    "help": "from scitrain.cli import main; assert main(['--help']) == 0",
    "help of a command": "from scitrain.cli import main; assert main(['list-runs', '--help']) == 0",
    "a refused command": "from scitrain.cli import main; assert main(['list-runs', '--limt', '3']) == 2",
    "list of the tools": (
        "import anyio; from pathlib import Path; from scitrain_server import build, Settings; from scitrain.workspace import Workspace;"
        "anyio.run(build(Settings(Workspace(Path('nowhere'), ()))).list_tools)"
    ),
}
REQUESTS = {
    "train_model": (
        [
            "--data",
            "a.csv",
            "--target",
            "a, b",
            "--model",
            "mlp",
            "--split",
            "scaffold",
            "--split.test",
            "0.2",
            "--seed",
            "7",
        ],
        {
            "data": "a.csv",
            "target": "a, b",
            "model": {"family": "mlp"},
            "split": {"kind": "scaffold", "test": 0.2},
            "seed": 7,
        },
    ),
    "predict": (["--run", "x", "--inputs", "[Na+].[Cl-]", "CCO"], {"run": "x", "inputs": ["[Na+].[Cl-]", "CCO"]}),
    "get_run": (["--run-id", "x", "--wait-s", "3"], {"run_id": "x", "wait_s": 3}),
    "list_runs": (["--limit", "3", "--status", "failed"], {"limit": 3, "status": "failed"}),
    "inspect_dataset": (["--data", "builtin:digits"], {"data": "builtin:digits"}),
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def server(workspace):
    return build(Settings(Workspace(workspace.root, ())))


async def listed(server, **era):
    async with Client(server, **era) as client:
        return {tool.name: tool for tool in (await client.list_tools()).tools}


@pytest.mark.anyio
@pytest.mark.parametrize("era", [{}, {"mode": "legacy"}], ids=["modern", "legacy"])
async def test_a_tool_has_the_operations_own_schema(server, era):
    found = await listed(server, **era)
    assert {name: tool.input_schema for name, tool in found.items()} == {
        n: o.model_json_schema() for n, o in OPERATIONS.items()
    }


@pytest.mark.anyio
async def test_a_tool_answers_by_the_schema_of_the_result_or_of_the_started_run(server):
    for name, tool in (await listed(server)).items():
        operation = OPERATIONS[name]
        if not issubclass(operation, Job):
            assert tool.output_schema == operation.result_type().model_json_schema(mode="serialization")
        elif operation.in_background is Job.in_background:
            answer = Started if operation.background else operation.result_type()
            assert tool.output_schema == answer.model_json_schema(mode="serialization")
        assert tool.output_schema["type"] == "object"


@pytest.mark.anyio
async def test_tools_are_described_within_what_hosts_keep(server):
    found = await listed(server)
    assert list(found) == list(OPERATIONS) == sorted(OPERATIONS)
    for tool in found.values():
        assert 20 < len(tool.description) < 2048
        assert tool.title


@pytest.mark.anyio
async def test_the_list_of_all_tools_is_at_most_40_kb(server):
    found = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in (await listed(server)).values()]
    assert len(json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()) <= 40_000


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_every_field_has_help(name):
    assert [field for field, info in OPERATIONS[name].model_fields.items() if not info.description] == []


@pytest.mark.parametrize("name", list(REQUESTS))
def test_command_line_tool_and_python_make_one_request_that_its_record_gives_back(name):
    operation = OPERATIONS[name]
    words, given = REQUESTS[name]
    parser = ArgumentParser(allow_abbrev=False)
    add_flags(parser, operation)
    typed = parse(operation, arguments(operation, parser.parse_args(words)))
    assert typed == parse(operation, given) == operation(**given)
    assert operation.model_validate(json.loads(json.dumps(typed.model_dump(mode="json"), allow_nan=False))) == typed


@pytest.mark.anyio
async def test_python_command_line_and_tool_record_the_same_request(workspace, tiny, monkeypatch, capsys):
    monkeypatch.setitem(OPERATIONS, "tiny_job", tiny.TinyJob)
    tiny.TinyJob(quick=True, pipe="p, q").run(workspace)
    assert cli.main(["tiny-job", "--quick", "--pipe", "p, q", "--json"]) == 0
    async with Client(build(Settings(Workspace(workspace.root, ())))) as client:
        reply = await client.call_tool("tiny_job", {"quick": True, "pipe": "p, q"})
    assert not reply.is_error
    runs = [Run.open(run_id, workspace) for run_id in run_ids(workspace)]
    specs = [run.record().spec for run in runs]
    assert len(specs) == 3
    assert specs[0] == specs[1] == specs[2]
    assert all(job_of(run) == tiny.TinyJob(quick=True, pipe="p, q") for run in runs)


@pytest.mark.anyio
@pytest.mark.parametrize("name", list(OPERATIONS))
async def test_every_face_refuses_a_misspelt_argument(name, server, capsys):
    async with Client(server) as client:
        reply = await client.call_tool(name, {"seeed": 1})
    assert reply.is_error
    assert "seeed: not a field" in reply.content[0].text
    assert cli.main([name.replace("_", "-"), "--seeed", "1"]) == 2
    assert "--seeed" in capsys.readouterr().err
    with pytest.raises(ValueError, match="seeed"):
        OPERATIONS[name](seeed=1)


@pytest.mark.parametrize("act", list(LIGHT_ACTS))
def test_nothing_heavy_is_loaded_by(act):
    code = f"import sys\n{LIGHT_ACTS[act]}\nsys.stdout.write(' '.join(sorted({set(HEAVY)!r} & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split("\n")[-1].split()) & set(HEAVY)
