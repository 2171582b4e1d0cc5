import hashlib
import json

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from scitrain_server import build, skills

pytestmark = pytest.mark.anyio

CARD = "---\nname: chemistry\ndescription: Models of molecules.\n---\n# Chemistry\nRead references/a.md when unsure.\n"
MANIFEST = """\
name: chemistry
prompts:
  - name: build-model
    title: Build a model
    description: From a file to a trusted model.
    arguments:
      - {name: data, description: The file., required: true}
      - {name: target, description: The column.}
    text: |
      Build a model of {data}.
      Predict {target}.
      Keep {braces} as they are.
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    root = tmp_path / "skills"
    (root / "chemistry" / "references").mkdir(parents=True)
    (root / "chemistry" / "evals").mkdir()
    (root / "chemistry" / "SKILL.md").write_text(CARD)
    (root / "chemistry" / "manifest.yaml").write_text(MANIFEST)
    (root / "chemistry" / "references" / "a.md").write_text("# A")
    (root / "chemistry" / "evals" / "evals.json").write_text("{}")
    (root / "chemistry" / "references" / "link.md").symlink_to(tmp_path)
    monkeypatch.setattr(skills, "shipped", lambda name: root)
    skills.load_skills.cache_clear()
    yield root
    skills.load_skills.cache_clear()


async def test_a_prompt_is_filled_and_a_line_without_its_argument_left_out(connect):
    async with connect() as client:
        full = await client.get_prompt("build-model", {"data": "a.csv", "target": "y"})
        short = await client.get_prompt("build-model", {"data": "a.csv"})
    assert full.messages[0].content.text == "Build a model of a.csv.\nPredict y.\nKeep {braces} as they are."
    assert short.messages[0].content.text == "Build a model of a.csv.\nKeep {braces} as they are."


async def test_prompts_are_listed_with_their_arguments(connect):
    async with connect() as client:
        [prompt] = (await client.list_prompts()).prompts
    assert (prompt.name, prompt.title) == ("build-model", "Build a model")
    assert [(a.name, a.required) for a in prompt.arguments] == [("data", True), ("target", False)]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("build-modle", {}, "did you mean 'build-model'"),
        ("build-model", {}, "data: required; The file."),
        ("build-model", {"data": "a", "traget": "y"}, "traget: not an argument; did you mean 'target'"),
    ],
)
async def test_a_wrong_prompt_request_says_what_to_change(connect, name, arguments, said):
    async with connect() as client:
        with pytest.raises(MCPError) as refused:
            await client.get_prompt(name, arguments)
    assert said in str(refused.value)


async def test_the_card_and_what_it_refers_to_are_resources(connect):
    async with connect() as client:
        [card] = (await client.list_resources()).resources
        [read] = (await client.read_resource("skill://chemistry/references/a.md")).contents
    assert (card.uri, card.name, card.description) == (
        "skill://chemistry/SKILL.md",
        "chemistry",
        "Models of molecules.",
    )
    assert read.text == "# A"


@pytest.mark.parametrize(
    "path", ["evals/evals.json", "manifest.yaml", "references/link.md", "references/../manifest.yaml"]
)
async def test_nothing_else_of_a_skill_is_served(connect, path):
    async with connect() as client:
        with pytest.raises(MCPError):
            await client.read_resource(f"skill://chemistry/{path}")


def test_an_entry_has_the_digest_and_size_of_each_file():
    [skill] = skills.load_skills()
    entry = skill.entry()
    assert entry["frontmatter"] == {"name": "chemistry", "description": "Models of molecules."}
    assert [file["uri"] for file in entry["resources"]] == [
        "skill://chemistry/SKILL.md",
        "skill://chemistry/references/a.md",
    ]
    assert entry["resources"][0]["digest"] == f"sha256:{hashlib.sha256(CARD.encode()).hexdigest()}"
    assert entry["resources"][0]["size"] == len(CARD)
    json.dumps(entry, allow_nan=False)


async def test_the_skills_extension_is_declared(settings):
    async with Client(build(settings)) as client:
        assert "io.modelcontextprotocol/skills" in client.server_capabilities.extensions


async def test_where_there_is_no_skill_nothing_breaks(connect, monkeypatch, tmp_path):
    monkeypatch.setattr(skills, "shipped", lambda name: tmp_path / "none")
    skills.load_skills.cache_clear()
    async with connect() as client:
        assert (await client.list_prompts()).prompts == []
