import re
import runpy
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import jinja2
import pytest
import yaml

from scitrain.data.prepared import Target
from scitrain.errors import ScitrainError
from scitrain.render import limits, render_card, render_report, render_train_script, tables
from scitrain.render.facts import read_facts
from scitrain.render.markup import environment
from scitrain.runs import Run
from scitrain.shipped import shipped

Made = Callable[[str], Run]
KINDS = ("regression", "binary", "multiclass", "multilabel")
EVIL = "<script>alert(1)</script>|`rm`|$x$ [a](javascript:b) *b* _c_"
SECTIONS = [
    "What it is",
    "Limits",
    "Data",
    "Metrics",
    "Calibration and uncertainty",
    "Applicability domain",
    "How to load",
    "How it was made",
]


@pytest.fixture(scope="module")
def evil(fabricated: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Run:
    targets = (Target(name=EVIL, classes=(EVIL + "0", "a|b")),)
    run: Run = fabricated.fabricate("binary", tmp_path_factory.mktemp("evil"), n=60, targets=targets, name=EVIL)
    return run


def edited(
    fabricated: ModuleType, root: Path, change: Callable[[dict[str, Any]], None], name: str = "results/metrics.json"
) -> Run:
    """Return a regression whose artifact was changed."""
    run: Run = fabricated.fabricate("regression", root, n=60)
    content = run.read_json(name)
    change(content)
    run.write_json(name, content)
    return run


def pictured(run: Run) -> list[str]:
    """Put pictures into a run; what they show does not matter to a page."""
    names = [f"figures/{name}.png" for name in ("parity", "dl_learning_curve", "something_new")]
    for name in names:
        run.file(name).write_bytes(b"\x89PNG")
    return names


class Page(HTMLParser):
    """Collects the elements of a page, and checks that they close in order."""

    VOID = ("meta", "img", "br", "link", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_has_its_sections_its_numbers_and_no_nan(made: Made, kind: str) -> None:
    text = render_card(made(kind)).read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.M) == SECTIONS
    row = read_facts(made(kind)).primary
    assert f"{row.value:.2f}"[:-1] in text
    assert not re.search(r"\b(nan|None|null|inf)\b", text.split("---", 2)[2], re.I)


def test_card_and_report_show_the_layers_with_shape_parameters_and_work(made: Made) -> None:
    run = made("regression")
    assert "| encoder.layers.0 | linear | 256 | 317,952 | 635,392 |" in render_card(run).read_text("utf-8")
    assert "635,392" in render_report(run).read_text("utf-8")


def test_errors_in_different_units_stand_by_target(fabricated: ModuleType, tmp_path: Path) -> None:
    targets = (Target(name="gap", unit="eV"), Target(name="hardness", unit="MPa"))
    found = tables.by_target(read_facts(fabricated.fabricate("regression", tmp_path, n=60, targets=targets)))
    assert found.head[-2:] == ("RMSE ↓", "MAE ↓")
    assert [row[-1][0].split()[-1] for row in found.rows] == ["eV", "MPa"]


def test_a_baseline_of_which_there_is_nothing_to_say_ends_without_a_colon(made: Made) -> None:
    text = render_card(made("regression")).read_text(encoding="utf-8")
    assert not re.search(r"\*\*: *$", text, re.M)
    assert len(re.findall(r"^- \*\*(mean|ridge|random forest)\*\*", text, re.M)) == 3, "each on a line of its own"


@pytest.mark.parametrize("kind", KINDS)
def test_the_metadata_is_what_the_hub_reads(made: Made, kind: str) -> None:
    head = yaml.safe_load(render_card(made(kind)).read_text(encoding="utf-8").split("---")[1])
    assert head["library_name"] == "scitrain"
    assert head["pipeline_tag"] == ("tabular-regression" if kind == "regression" else "tabular-classification")
    results = head["model-index"][0]["results"]
    found = {m["type"]: m["value"] for result in results for m in result["metrics"]}
    facts = read_facts(made(kind))
    assert facts.primary.value in found.values()


def test_the_card_compares_with_every_baseline_on_the_same_split(made: Made) -> None:
    text = render_card(made("regression")).read_text(encoding="utf-8")
    assert "| metric | network | mean | ridge | random forest |" in text
    rmse = next(line for line in text.splitlines() if line.startswith("| RMSE"))
    assert rmse.count("Δ") == 3
    verdict = read_facts(made("regression")).evaluation.verdict
    assert verdict is not None
    assert verdict.sentence.split(":")[0] in text


def test_every_row_of_a_table_has_as_many_cells_as_its_head(evil: Run) -> None:
    lines = render_card(evil).read_text(encoding="utf-8").splitlines()
    widths: list[int] = []
    for line in lines:
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        widths.append(cells)
    pairs = [(a, b) for a, b in pairwise(widths) if a and b]
    assert len(pairs) > 20
    assert all(a == b for a, b in pairs)


def test_names_of_strangers_do_nothing_in_markdown(evil: Run) -> None:
    body = render_card(evil).read_text(encoding="utf-8").split("---", 2)[2]
    outside = re.sub(r"^(`{3,}).*?^\1$", "", body, flags=re.M | re.S)
    assert "<script" not in outside
    assert not re.search(r"(?<!\\)\]\(javascript", outside)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\|\\`rm\\`\\|\\$x\\$" in outside


def test_names_of_strangers_do_nothing_in_html(evil: Run) -> None:
    pictured(evil)
    text = render_report(evil).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert all(tag != "script" for tag, _ in Page(text).found)


@pytest.mark.parametrize("kind", KINDS)
def test_the_report_is_one_whole_accessible_page(made: Made, kind: str) -> None:
    run = made(kind)
    names = pictured(run)
    page = Page(render_report(run).read_text(encoding="utf-8"))
    assert page.open == []
    images = [attributes for tag, attributes in page.found if tag == "img"]
    assert len(images) == len(names)
    assert all(image["alt"] and str(image["src"]).startswith("data:image/png;base64,") for image in images)
    assert ("html", {"lang": "en"}) in page.found
    links = [
        str(value) for _, attributes in page.found for name, value in attributes.items() if name in {"href", "src"}
    ]
    assert all(link.startswith(("#", "data:")) for link in links)
    ids = {attributes.get("id") for _, attributes in page.found}
    assert {link[1:] for link in links if link.startswith("#")} <= ids
    headings = [int(tag[1]) for tag, _ in page.found if re.fullmatch(r"h\d", tag)]
    assert headings[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(headings))


def test_the_report_names_every_limit_of_the_run(made: Made) -> None:
    text = render_report(made("regression")).read_text(encoding="utf-8")
    assert all(limit.split(":")[0].replace("'", "&#39;") in text for limit in limits(made("regression")))


def test_the_script_compiles_and_prints_the_recorded_numbers(
    made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made("regression")
    asked: dict[str, object] = {}

    def train(**arguments: object) -> SimpleNamespace:
        asked.update(arguments)
        return SimpleNamespace(run=lambda workspace: SimpleNamespace(run_id=run.id))

    monkeypatch.setitem(
        sys.modules,
        "scitrain",
        SimpleNamespace(
            TrainModel=train, Workspace=lambda root: SimpleNamespace(runs=root / "runs"), ScitrainError=ScitrainError
        ),
    )
    monkeypatch.setattr(sys, "argv", ["train_script.py", "--workspace", str(run.workspace.root)])
    runpy.run_path(str(render_train_script(run)), run_name="__main__")
    assert asked == run.record().spec
    printed = capsys.readouterr().out
    for row in read_facts(run).rows("rmse"):
        assert printed.count(f"{row.value:.6g}") == 2


def test_the_script_says_what_to_do_where_the_data_are_gone(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["train_script.py", "--data", "gone.csv", "--workspace", str(tmp_path)])
    with pytest.raises(SystemExit):
        runpy.run_path(str(render_train_script(made("regression"))), run_name="__main__")
    assert re.search(r"no file or folder 'gone.csv'.*\n.*say --data FILE", capsys.readouterr().err)


def test_the_script_holds_any_name(evil: Run) -> None:
    compile(render_train_script(evil).read_text(encoding="utf-8"), "train_script.py", "exec")


def test_a_value_that_is_missing_fails_instead_of_printing_nothing() -> None:
    with pytest.raises(jinja2.UndefinedError):
        environment().get_template("model_card.md.j2").render(title="x")


def test_the_templates_are_found_from_the_source_tree() -> None:
    assert {"model_card.md.j2", "report.html.j2", "train_script.py.j2"} <= {
        path.name for path in shipped("templates").iterdir()
    }


def test_an_undefined_value_is_a_dash_with_its_reason(fabricated: ModuleType, tmp_path: Path) -> None:
    def undefine(content: dict[str, Any]) -> None:
        for row in content["metrics"]:
            if row["name"] == "rmse":
                row.update(value=None, low=None, high=None, reason="one row only")

    run = edited(fabricated, tmp_path, undefine)
    assert "– (one row only)" in render_card(run).read_text(encoding="utf-8")
    assert "– (one row only)" in render_report(run).read_text(encoding="utf-8")


def test_a_run_with_no_more_than_metrics_has_its_pages(fabricated: ModuleType, tmp_path: Path) -> None:
    run: Run = fabricated.fabricate("binary", tmp_path, n=60)
    for name in (
        "results/data.json",
        "results/dl_training_log.json",
        "results/architecture.json",
        "models/config.json",
    ):
        (run.path / name).unlink()
    assert render_card(run).is_file()
    assert render_report(run).is_file()


def test_members_that_are_unlike_are_told_with_the_layers_of_each_kind(fabricated: ModuleType, tmp_path: Path) -> None:
    def add_kinds(content: dict[str, Any]) -> None:
        other = {**content, "layers": [{**content["layers"][0], "name": "beside.first", "parameters": 77}]}
        content["kinds"] = {
            "tokens": {**content, "members": 2},
            "element statistics alone": {**other, "parameters": 77, "members": 1},
        }
        content["agreed"] = "median"

    run = edited(fabricated, tmp_path, add_kinds, "results/architecture.json")
    card, page = render_card(run).read_text(encoding="utf-8"), render_report(run).read_text(encoding="utf-8")
    for text in (card, page):
        assert "(2 of tokens, 1 of element statistics alone; their median)" in text
        assert "Layers of one of the 2 networks of tokens; a row comes in as" in text
        assert "Layers of the network of element statistics alone; a row comes in as" in text
        assert "beside.first" in text
        assert "Layers of one network" not in text
    assert re.search(r"members of the ensemble \| \d+: 2 of tokens, 1 of element statistics alone", card)
    assert re.search(r"\| all \|.*\| 77 \|", card)


def test_members_that_are_alike_are_told_by_one_of_them(fabricated: ModuleType, tmp_path: Path) -> None:
    card = render_card(fabricated.fabricate("regression", tmp_path, n=60)).read_text(encoding="utf-8")
    assert card.count("Layers of one network; a row comes in as 1241") == 1
    assert re.search(
        r"An ensemble of \d+ networks of the family mlp \(multilayer perceptron\), [\d,]+ parameters", card
    )


def test_exports_are_told_with_their_difference(made: Made, fabricated: ModuleType, tmp_path: Path) -> None:
    run: Run = fabricated.fabricate("binary", tmp_path, n=60)
    entry = {
        "file": "models/model.onnx",
        "max_difference": 1.2e-6,
        "tolerance": 1e-4,
        "rows": 256,
        "bytes": 1_500_000,
        "latency_ms": {"1": 0.04},
    }
    run.write_json("models/export_check.json", {"rows": 256, "formats": {"onnx": entry}})
    line = next(line for line in render_card(run).read_text(encoding="utf-8").splitlines() if line.startswith("| onnx"))
    for word in ("1.2×10⁻⁶ (allowed 0.00010)", "256", "1.50 MB", "0.0400 ms"):
        assert word in line
