import base64
import io

import anyio
import pytest
from mcp.types import ImageContent, ResourceLink

from scitrain.runs import Run, run_ids
from scitrain_server.settings import Settings

pytestmark = pytest.mark.anyio
ERAS = pytest.mark.parametrize("era", ["modern", "legacy"])


@ERAS
async def test_a_right_call_answers_words_and_structure(connect, era):
    async with connect(era) as client:
        reply = await client.call_tool("probe", {"number": 3, "part": {"kind": "square"}, "names": ["[Na+].[Cl-]"]})
    assert not reply.is_error
    assert [block.text for block in reply.content] == ["found 3"]
    assert reply.structured_content == {"number": 3.0, "rows": [{"name": "a", "value": 2.0}], "secret": None}


@ERAS
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"numbre": 3}, "numbre: not a field; did you mean 'number'?"),
        ({"number": -1}, "number: Input should be greater than or equal to 0 (given -1)"),
        ({"part": {"siez": 3}}, "part.siez: not a field; did you mean 'size'?"),
        ({"part": {"kind": "rounb"}}, "did you mean 'round'?"),
        ({"number": "many", "nmaes": []}, "number: Input should be a valid integer"),
    ],
)
async def test_a_wrong_argument_is_named_with_the_mend(connect, era, arguments, said):
    async with connect(era) as client:
        reply = await client.call_tool("probe", arguments)
    assert reply.is_error
    assert said in reply.content[0].text


async def test_all_wrong_arguments_are_told_at_once(connect):
    async with connect() as client:
        reply = await client.call_tool("probe", {"number": "many", "nmaes": [], "part": {"size": 0}})
    assert [line.split(":")[0] for line in reply.content[0].text.splitlines()] == ["number", "part.size", "nmaes"]


async def test_an_object_sent_as_json_text_is_read_as_the_object(connect):
    async with connect() as client:
        reply = await client.call_tool("probe", {"part": '{"size": 2}', "names": '["a"]'})
    assert not reply.is_error


async def test_a_refusal_reaches_the_model_word_for_word(connect):
    async with connect() as client:
        reply = await client.call_tool("probe", {"end": "refuse"})
    assert reply.is_error
    assert reply.content[0].text == "column 'x' is missing; did you mean 'y'?"


async def test_a_bug_is_masked_and_logged(connect, caplog):
    async with connect() as client:
        reply = await client.call_tool("probe", {"end": "bug"})
    assert reply.is_error
    assert "secret" not in reply.content[0].text
    assert "the secret of line 12" in caplog.text


async def test_a_full_disk_is_said_with_what_to_do(connect):
    async with connect() as client:
        reply = await client.call_tool("probe", {"end": "disk"})
    assert reply.content[0].text.startswith("no space left for ")


async def test_a_number_that_is_not_finite_is_null_on_the_wire(connect, caplog):
    async with connect() as client:
        reply = await client.call_tool("probe", {"end": "nan_row"})
    assert reply.structured_content["rows"] == [{"name": "a", "value": None}]
    assert "rows[0].value" in caplog.text


async def test_a_result_that_would_break_its_own_schema_is_an_error_not_a_broken_answer(connect):
    async with connect() as client:
        reply = await client.call_tool("probe", {"end": "nan"})
    assert reply.is_error


@ERAS
async def test_a_finished_run_shows_small_pictures_and_links_its_files(connect, settings, era):
    from PIL import Image

    async with connect(era) as client:
        reply = await client.call_tool("draw", {"figures": 5})
    pictures = [block for block in reply.content if isinstance(block, ImageContent)]
    links = [block for block in reply.content if isinstance(block, ResourceLink)]
    assert len(pictures) == 3
    for picture in pictures:
        with Image.open(io.BytesIO(base64.b64decode(picture.data))) as image:
            assert max(image.size) == 800
    [run_id] = run_ids(settings.workspace)
    assert [link.uri for link in links][:2] == [f"run://{run_id}/MODEL_CARD.md", f"run://{run_id}/results/metrics.json"]
    assert {link.mime_type for link in links} >= {"image/png", "application/json", "text/markdown"}
    assert reply.structured_content["run_id"] == run_id


async def test_progress_is_told_while_a_call_waits(connect, settings):
    told = []
    heard = anyio.Event()

    async def hear(progress, total, message):
        told.append((progress, total, message))
        heard.set()

    async def release():
        await heard.wait()
        await anyio.to_thread.run_sync((settings.workspace.root / "mark").touch)

    async with connect() as client, anyio.create_task_group() as group:
        group.start_soon(release)
        reply = await client.call_tool("patient", {"mark": "mark"}, progress_callback=hear)
    assert not reply.is_error
    assert told == [(3, 50, "train: loss 0.4")]


async def test_a_call_that_is_given_up_does_not_break_the_run(connect, settings, tiny, gates, monkeypatch):
    gate = gates()
    monkeypatch.setattr("scitrain_server.settings.OPERATIONS", {"tiny_job": tiny.TinyJob})
    async with connect() as client:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "tiny_job", {"does": "block", "pipe": str(gate.path), "quick": True})
                run_id = await anyio.to_thread.run_sync(gate.wait)
                scope.cancel()
        run = Run.open(run_id, settings.workspace)
        assert run.record().status == "running"
        await anyio.to_thread.run_sync(gate.open)
        while run.record().status == "running":
            await anyio.sleep(0.01)
    assert run.record().status == "completed"


async def test_background_work_answers_at_once_with_a_run_that_outlives_the_server(
    connect, settings, tiny, gates, monkeypatch
):
    gate = gates()
    monkeypatch.setattr("scitrain_server.settings.OPERATIONS", {"tiny_job": tiny.TinyJob})
    async with connect() as client:
        reply = await client.call_tool("tiny_job", {"does": "block", "pipe": str(gate.path)})
    started = reply.structured_content
    assert started["status"] in ("queued", "running")
    assert "get_run" in started["next_step"]
    assert await anyio.to_thread.run_sync(gate.wait) == started["run_id"]
    await anyio.to_thread.run_sync(gate.open)
    run = Run.open(started["run_id"], settings.workspace)
    while run.record().status == "running":
        await anyio.sleep(0.02)
    assert run.record().status == "completed"


async def test_a_read_only_server_serves_only_what_changes_nothing(connect, settings):
    async with connect(served=Settings(settings.workspace, read_only=True)) as client:
        listed = (await client.list_tools()).tools
        refused = await client.call_tool("draw", {})
    assert [tool.name for tool in listed] == ["patient", "probe"]
    assert all(tool.annotations.read_only_hint for tool in listed)
    assert refused.is_error


async def test_tools_of_other_skills_are_left_out(connect, settings):
    async with connect(served=Settings(settings.workspace, skills=frozenset({"transfer-learning"}))) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["patient", "probe"]


async def test_each_tool_says_whether_it_reads_only_destroys_or_looks_outside(connect):
    async with connect() as client:
        for tool in (await client.list_tools()).tools:
            hints = tool.annotations
            assert None not in (hints.read_only_hint, hints.destructive_hint, hints.open_world_hint)


async def test_runs_whose_worker_is_gone_are_found_before_the_first_answer(connect, settings):
    run = Run.create("train_model", {}, settings.workspace)
    run.update(status="running")
    run.release()
    async with connect() as client:
        await client.call_tool("probe", {})
    assert run.record().status == "interrupted"
