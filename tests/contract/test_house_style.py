"""The limits of the house that no linter holds, and the names of every plug-in."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median, quantiles

import pytest

from scitrain.executors import EXECUTORS
from scitrain.exporters import EXPORTERS
from scitrain.modalities import MODALITIES
from scitrain.models import FAMILIES
from scitrain.operations import OPERATIONS

REPOSITORY = Path(__file__).parents[2]
ROOTS = {"scitrain": REPOSITORY / "toolkit", "scitrain_server": REPOSITORY / "server"}
SOURCES = sorted(path for root in ROOTS.values() for path in root.rglob("*.py"))
TESTS = sorted((REPOSITORY / "tests").rglob("*.py"))
NAMES = Path(__file__).with_name("names.txt")
LINES, BODY, MEDIAN, P90 = 400, 40, 10, 25
Function = ast.FunctionDef | ast.AsyncFunctionDef


def short(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def code_lines(function: Function, lines: list[str]) -> int:
    """Count the lines of a body that hold code: neither its docstring, nor blank, nor a comment alone."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    held = lines[body[0].lineno - 1 : function.end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in held)


def bodies() -> dict[str, int]:
    found: dict[str, int] = {}
    for path in SOURCES:
        lines = path.read_text(encoding="utf-8").splitlines()
        found |= {f"{short(path)}:{f.lineno} {f.name}": code_lines(f, lines) for f in functions(path)}
    return found


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=short)
def test_no_file_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES


def test_no_function_body_has_more_than_40_lines_of_code() -> None:
    assert {where: size for where, size in bodies().items() if size > BODY} == {}


def test_functions_are_short_as_a_rule() -> None:
    sizes = list(bodies().values())
    assert median(sizes) <= MEDIAN
    assert quantiles(sizes, n=10)[-1] <= P90


@pytest.mark.parametrize("name", list(ROOTS))
def test_a_source_root_holds_one_package_and_nothing_else(name: str) -> None:
    assert [path.name for path in ROOTS[name].iterdir() if path.name != "__pycache__"] == [name]
    assert (ROOTS[name] / name / "py.typed").is_file()


def test_no_import_is_relative() -> None:
    found = [
        f"{short(path)}:{node.lineno}"
        for path in [*SOURCES, *TESTS]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert found == []


def test_every_public_module_says_what_it_offers() -> None:
    without = [
        short(path)
        for path in SOURCES
        if (not path.name.startswith("_") or path.name == "__init__.py")
        and tree(path).body[1:]
        and not any(
            isinstance(target, ast.Name) and target.id == "__all__"
            for node in tree(path).body
            if isinstance(node, ast.Assign)
            for target in node.targets
        )
    ]
    assert without == []


def test_every_module_begins_with_what_it_is_for() -> None:
    assert [short(path) for path in [*SOURCES] if not ast.get_docstring(tree(path))] == []


def test_no_file_names_a_place_of_one_machine() -> None:
    # Spelt in two halves, so that this file does not find itself.
    places = ("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "pypi.inter" + "nal")
    folders = ("toolkit", "server", "templates", "skills", "tests", "docs", "benchmarks")
    every = [p for folder in folders for p in (REPOSITORY / folder).rglob("*") if p.suffix in TEXT and p.is_file()]
    files = [p for p in every if ".venv" not in p.parts]  # a peer's environment, made on this machine
    found = [
        f"{short(path)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if any(place in line for place in places)
    ]
    assert found == []


TEXT = {".py", ".md", ".j2", ".yaml", ".yml", ".json", ".toml", ".txt", ".cfg"}


def test_the_names_of_all_plug_ins_are_those_written_down() -> None:
    registries: dict[str, Mapping[str, object]] = {
        "operations": OPERATIONS,
        "modalities": MODALITIES,
        "model families": FAMILIES,
        "exporters": EXPORTERS,
        "executors": EXECUTORS,
    }
    written = "".join(
        f"{kind}\n" + "".join(f"  {name}\n" for name in sorted(names)) for kind, names in registries.items()
    )
    assert written == NAMES.read_text(encoding="utf-8")
