"""The bundle answers over HTTP, on this machine alone, without torch and scitrain."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from scitrain.exporters._bundle import BLOCKED
from scitrain.inference import load_model
from scitrain.runs import Run

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def address(exported: Callable[[str], Run]) -> Iterator[str]:
    script = exported("regression").path / "models/bundle/inference.py"
    words = [sys.executable, "-B", "-c", BLOCKED, str(script), "--serve", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        yield server.stderr.readline().split()[-1]
        server.terminate()


def ask(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(url, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_it_predicts_what_scitrain_predicts_and_says_what_is_wrong_with_a_row(
    address: str, exported: Callable[[str], Run]
) -> None:
    status, answer = ask(f"{address}/predict", json.dumps(["Fe2O3", "Xx2"]).encode(), JSON)
    assert status == 200
    good, bad = answer["predictions"]  # type: ignore[misc]
    expected = load_model(exported("regression"), "onnx").predict({"formula": ["Fe2O3"]})
    assert good["energy_predicted"] == pytest.approx(float(expected.prediction[0, 0]), rel=1e-5)
    assert "Xx" in bad["error"]


def test_it_says_what_it_reads_and_predicts(address: str) -> None:
    status, about = ask(f"{address}/")
    assert status == 200
    assert about["input_columns"] == ["formula"]
    assert about["targets"][0] == {"name": "energy", "unit": "eV", "classes": None}  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "says"),
    [
        ("/predict", b"[", JSON, 400, "JSON list"),
        ("/predict", b'{"formula": "NaCl"}', JSON, 400, "no JSON list"),
        ("/predict", b"[" * 100_000, JSON, 400, "JSON list"),
        ("/predict", b"\xff\xfe", JSON, 400, "JSON list"),
        ("/predict", b"[]", {"Content-Type": "text/plain"}, 415, "application/json"),
        ("/predict", b"[]", JSON | {"Host": "evil.example"}, 403, "127.0.0.1"),
        ("/else", b"[]", JSON, 404, "nothing at /else"),
        ("/predict", None, None, 404, "POST /predict"),
    ],
)
def test_it_says_what_is_wrong_with_a_request(
    address: str, path: str, body: bytes | None, headers: dict[str, str] | None, status: int, says: str
) -> None:
    found, answer = ask(f"{address}{path}", body, headers)
    assert found == status
    assert says in str(answer["error"])


def test_nothing_to_predict_is_answered_with_nothing(address: str) -> None:
    assert ask(f"{address}/predict", b"[]", JSON) == (200, {"predictions": []})


def test_serving_takes_no_file_beside_it(exported: Callable[[str], Run]) -> None:
    script = exported("regression").path / "models/bundle/inference.py"
    done = subprocess.run(
        [sys.executable, "-B", str(script), "x.csv", "--serve", "70000"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "--serve takes a port from 0 to 65535" in done.stderr
