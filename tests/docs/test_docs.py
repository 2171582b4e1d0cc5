"""Docs that cannot lie: Python in them is executed, commands are parsed, file trees are compared with the disk."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from scitrain import cli
from scitrain.flags import arguments
from scitrain.operations import OPERATIONS
from scitrain.request import parse
from scitrain_server.settings import settings_from

REPOSITORY = Path(__file__).parents[2]
NAMED = [REPOSITORY / name for name in ("README.md", "README.ja.md", "CONTRIBUTING.md")]
SEVERAL = [
    *REPOSITORY.glob("docs/**/*.md"),
    *REPOSITORY.glob("skills/*/SKILL.md"),
    *REPOSITORY.glob("skills/*/references/*.md"),
]
PAGES = [path for path in [*NAMED, *sorted(SEVERAL)] if path.is_file()]
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = {"sh", "bash", "shell", "console"}
BRANCH = re.compile(r"^[\s│├└─]*")
PLACEHOLDER = re.compile(r"[<…*]|RUN_ID|RUN\b|FOLDER")
ENDS = ("CCO", "CCN", "c1ccccc1", "CC(=O)O", "CCl", "c1ccncc1", "C#N", "C1CCCCC1")


def short(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def blocks(path: Path) -> list[tuple[str, str]]:
    """Return language and text of each fenced block."""
    return BLOCK.findall(path.read_text(encoding="utf-8"))


def script_of(path: Path) -> str:
    """Return the Python of a page as one script, as a reader goes through it; without comments."""
    found = "\n".join(text for language, text in blocks(path) if language == "python")
    return ast.unparse(ast.parse(found, str(path)))


SCRIPTS = {script: path for path in reversed(PAGES) if (script := script_of(path))}
DISTINCT = {
    path: script
    for script, path in SCRIPTS.items()
    if not any(longer != script and longer.startswith(script) for longer in SCRIPTS)
}
"""Pages whose Python no other page shows too: what two languages share is executed once."""


def commands(path: Path) -> list[str]:
    """Return the lines of shell blocks, prompts taken off and continued lines joined."""
    joined = [text.replace("\\\n", " ") for language, text in blocks(path) if language in SHELL]
    return [line.strip().removeprefix("$ ") for text in joined for line in text.splitlines() if line.strip()]


def own_words(line: str) -> list[str] | None:
    """Return what follows ``scitrain`` in a command line, None where it calls something else."""
    words = shlex.split(line, comments=True)
    words = words[: words.index("|")] if "|" in words else words
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if words[:1] == ["uvx"]:
        words = words[words.index("scitrain") :] if "scitrain" in words else []
    program = words[0].rsplit("/", 1)[-1] if words else ""
    return words[1:] if program == "scitrain" else None


def own_commands(path: Path) -> list[list[str]]:
    return [words for line in commands(path) if (words := own_words(line)) is not None]


def written_names(value: object) -> Iterator[list[str]]:
    """Yield the command lines in a host's configuration."""
    if isinstance(value, dict):
        if isinstance(value.get("command"), str):
            yield [value["command"], *map(str, value.get("args", []))]
        for inner in value.values():
            yield from written_names(inner)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder a reader works in, with the data that docs name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCITRAIN_WORKSPACE", str(tmp_path / "scitrain-workspace"))
    molecules = ["C" * length + end for length in range(12) for end in ENDS]
    rows = [f"{smiles},{(i * 37 % 50) / 10 - 4:.2f}" for i, smiles in enumerate(molecules)]
    (tmp_path / "esol.csv").write_text("\n".join(["smiles,logSolubility", *rows]) + "\n")
    (tmp_path / "new.csv").write_text("smiles\nCCO\nCCN\n")
    return tmp_path


@pytest.mark.parametrize("path", list(DISTINCT), ids=short)
def test_python_in_the_docs_runs(path: Path, desk: Path) -> None:
    (desk / "page.py").write_text(DISTINCT[path], encoding="utf-8")
    done = subprocess.run([sys.executable, "page.py"], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("path", PAGES, ids=short)
def test_commands_in_the_docs_are_understood(path: Path, desk: Path) -> None:
    for words in own_commands(path):
        if words[:1] == ["serve"]:
            settings_from([word for word in words[1:] if not PLACEHOLDER.search(word)] if "--help" not in words else [])
            continue
        if not words or {"--help", "--version"} & set(words):
            continue
        typed: Namespace = cli._read(words)
        operation = OPERATIONS[typed.command.replace("-", "_")]
        parse(operation, arguments(operation, typed))


@pytest.mark.parametrize("path", PAGES, ids=short)
def test_make_targets_in_the_docs_are_there(path: Path) -> None:
    made = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = {
        word for line in commands(path) if line.startswith("make ") for word in shlex.split(line, comments=True)[1:]
    }
    assert {word for word in asked if "=" not in word} <= made


@pytest.mark.parametrize("path", PAGES, ids=short)
def test_json_in_the_docs_is_json_and_starts_a_server_that_starts(path: Path, desk: Path) -> None:
    for text in (text for language, text in blocks(path) if language == "json"):
        for words in written_names(json.loads(text)):
            line = own_words(shlex.join(words))
            if line is None:
                continue
            assert line[0] == "serve", words
            settings_from([word if not word.startswith("/") else str(desk) for word in line[1:]])


def tree_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield indentation and name of each entry of the page's file tree: the block that speaks of ``toolkit/``."""
    for _, text in blocks(path):
        if not re.search(r"^[\s│├└─]*toolkit/", text, re.MULTILINE):
            continue
        for line in text.splitlines():
            indent = len(BRANCH.match(line)[0])  # type: ignore[index]  # it matches the empty string too
            names = re.split(r"\s{2,}|\s+#|\s+←", line[indent:], maxsplit=1)[0]
            yield from ((indent, name) for name in names.split() if not PLACEHOLDER.search(name) and name != ".")


def missing(path: Path) -> list[str]:
    """Return the entries of a page's file tree that are not on disk."""
    above: list[tuple[int, Path]] = []
    lost = []
    for indent, name in tree_of(path):
        above = [(depth, folder) for depth, folder in above if depth < indent]
        here = (above[-1][1] if above else REPOSITORY) / name
        if not here.exists():
            lost.append(str(here.relative_to(REPOSITORY)))
        if name.endswith("/"):
            above.append((indent, here))
    return lost


@pytest.mark.parametrize("path", [path for path in PAGES if any(tree_of(path))], ids=short)
def test_the_file_tree_is_that_on_disk(path: Path) -> None:
    assert missing(path) == []


def test_both_languages_show_the_same_commands_and_code() -> None:
    english, japanese = NAMED[0], NAMED[1]
    if not japanese.is_file() or not english.read_text(encoding="utf-8").strip():
        pytest.skip("the two READMEs are not written yet")
    assert own_commands(english) == own_commands(japanese)
    assert script_of(english).startswith(script_of(japanese))
    assert [text for language, text in blocks(english) if language == "json"] == [
        text for language, text in blocks(japanese) if language == "json"
    ]
