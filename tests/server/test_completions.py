import pytest
from mcp.types import PromptReference, ResourceTemplateReference

from scitrain.runs import Run
from scitrain.workspace import Workspace
from scitrain_server.completions import complete

TEMPLATE = ResourceTemplateReference(uri="run://{run_id}/{+path}")


@pytest.mark.anyio
async def test_run_ids_and_their_files_are_completed(connect, settings):
    run = Run.create("train_model", {}, settings.workspace)
    run.write_json("results/metrics.json", {})
    run.release()
    async with connect() as client:
        ids = await client.complete(ref=TEMPLATE, argument={"name": "run_id", "value": "train"})
        files = await client.complete(
            ref=TEMPLATE, argument={"name": "path", "value": "met"}, context_arguments={"run_id": run.id}
        )
        none = await client.complete(ref=PromptReference(name="x"), argument={"name": "whatever", "value": ""})
    assert ids.completion.values == [run.id]
    assert files.completion.values == ["results/metrics.json"]
    assert none.completion.values == []


@pytest.mark.parametrize("head", ["smiles,logS\r\n", "\ufeffsmiles;logS\n", '"smiles"\t"logS"\n'])
def test_columns_are_those_of_the_given_table(workspace, head):
    (workspace.root / "a.csv").write_text(head + "CCO,1\n", encoding="utf-8")
    found = complete("target", "log", {"data": "a.csv"}, Workspace(workspace.root, ()))
    assert found.values == ["logS"]


def test_columns_of_a_file_outside_the_folders_are_not_told(workspace, tmp_path):
    (tmp_path / "a.csv").write_text("secret,b\n1,2\n")
    assert complete("target", "", {"data": str(tmp_path / "a.csv")}, Workspace(workspace.root, ())).values == []


def test_tables_of_the_folders_are_completed(workspace, tmp_path):
    (tmp_path / "esol.csv").write_text("a,b\n")
    found = complete("data", "esol", {}, Workspace(workspace.root, (tmp_path,)))
    assert found.values == [str(tmp_path / "esol.csv")]


def test_what_begins_with_the_typed_text_comes_first(workspace):
    (workspace.root / "a.csv").write_text("mass,biomass,log mass\n")
    assert complete("target", "mass", {"data": "a.csv"}, workspace).values == ["mass", "biomass", "log mass"]


def test_at_most_a_hundred_values_are_sent(workspace):
    (workspace.root / "a.csv").write_text(",".join(f"c{i}" for i in range(150)))
    found = complete("target", "", {"data": "a.csv"}, workspace)
    assert (len(found.values), found.total, found.has_more) == (100, 150, True)
