import json

import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import BlobResourceContents, TextResourceContents

from scitrain.runs import Run
from scitrain_server import resources

pytestmark = pytest.mark.anyio


@pytest.fixture
def run(workspace):
    run = Run.create("train_model", {"data": "a.csv"}, workspace)
    run.write_json("results/metrics.json", {"rmse": 1.0})
    run.file("figures/parity.png").write_bytes(b"\x89PNG")
    run.file("MODEL_CARD.md").write_text("# Karte für ŷ")
    run.release()
    return run


async def read(connect, uri):
    async with connect() as client:
        [content] = (await client.read_resource(uri)).contents
    return content


async def test_a_text_file_of_a_run_is_read_as_text(connect, run):
    content = await read(connect, f"run://{run.id}/MODEL_CARD.md")
    assert isinstance(content, TextResourceContents)
    assert (content.text, content.mime_type) == ("# Karte für ŷ", "text/markdown")


async def test_a_figure_is_read_as_an_image(connect, run):
    content = await read(connect, f"run://{run.id}/figures/parity.png")
    assert isinstance(content, BlobResourceContents)
    assert content.mime_type == "image/png"


async def test_a_run_lists_its_files(connect, run):
    card = json.loads((await read(connect, f"run://{run.id}")).text)
    assert card["operation"] == "train_model"
    assert f"run://{run.id}/results/metrics.json" in [file["uri"] for file in card["files"]]


@pytest.mark.parametrize(
    "path",
    [
        "../run.json",
        "%2e%2e/x",
        "results/../../x",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "results",
        ".hidden",
        "link",
        "folder/a",
        "worker.lock",
        "x\x00y",
    ],
)
async def test_what_the_run_does_not_list_cannot_be_read(connect, run, tmp_path, path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a").write_text("secret")
    (run.path / ".hidden").write_text("secret")
    (run.path / "link").symlink_to(tmp_path / "outside" / "a")
    (run.path / "folder").symlink_to(tmp_path / "outside")
    async with connect() as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(f"run://{run.id}/{path}")
    assert refused.value.error.code == -32602
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("uri", ["run://nope", "run://../x", "file:///etc/passwd", "skill://nope/SKILL.md"])
async def test_an_unknown_resource_is_refused_with_what_there_is(connect, uri):
    async with connect() as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(uri)
    assert refused.value.error.code == -32602


async def test_a_linked_run_directory_is_no_run(connect, run, workspace):
    link = workspace.runs / f"{run.id[:-8]}00000000"
    link.symlink_to(run.path)
    async with connect() as client:
        with pytest.raises(MCPError):
            await client.read_resource(f"run://{link.name}/run.json")


async def test_a_file_too_large_to_send_says_where_it_lies(connect, run, monkeypatch):
    monkeypatch.setattr(resources, "LIMIT", 3)
    async with connect() as client:
        with pytest.raises(MCPError, match=r"MODEL_CARD\.md"):
            await client.read_resource(f"run://{run.id}/MODEL_CARD.md")


async def test_the_newest_runs_are_listed(connect, run):
    async with connect() as client:
        listed = [resource.uri for resource in (await client.list_resources()).resources]
        templates = [t.uri_template for t in (await client.list_resource_templates()).resource_templates]
    assert f"run://{run.id}" in listed
    assert templates == ["run://{run_id}", "run://{run_id}/{+path}", "skill://{name}/{+path}"]
