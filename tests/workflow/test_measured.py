"""What a job that measured hands back: the order of its lines, and its tables."""

from scitrain.runs import Decision
from scitrain.workflow.headline import Headline
from scitrain.workflow.measured import Measured, MeasuredLabels, MeasuredNetwork

RMSE = Headline(
    name="rmse",
    title="RMSE",
    target="gap",
    value=0.5,
    low=0.4,
    high=0.6,
    unit="eV",
    n=20,
    split="test",
    baselines={"mean": 1.2},
)
SHARED = {
    "run_id": "r",
    "next_step": "predict(run='r')",
    "metrics": [RMSE],
    "verdict": "better",
    "warnings": ["few rows"],
    "decisions": [Decision(what="epochs", value=3, why="asked for")],
    "files": [],
}


def test_a_person_reads_the_numbers_between_what_was_done_and_what_it_means_and_no_empty_line():
    told = Measured(**SHARED).told(["r: done", ""], ["better", ""])
    assert told.split("\n") == [
        "r: done",
        "test RMSE of gap: 0.5 [0.4, 0.6] eV, n = 20",
        "better",
        "note: few rows",
        "next: predict(run='r')",
    ]


def test_choices_and_metrics_beside_the_simple_models_are_tables():
    tables = Measured(**SHARED).tables()
    assert tables["what was chosen for you"] == [{"what": "epochs", "value": 3, "why": "asked for"}]
    [row] = tables["how good it is"]
    assert (row["metric"], row["network [95 % interval]"], row["mean"]) == ("test RMSE of gap", "0.5 [0.4, 0.6]", "1.2")


def test_a_network_says_what_it_was_trained_on():
    network = MeasuredNetwork(**SHARED, task="regression", modality="formula", targets=["gap", "energy"], model="mlp")
    assert network.head == "r: mlp on formula data, regression of gap, energy"


def test_rows_that_were_told_apart_are_a_table_after_the_numbers():
    labels = MeasuredLabels(**SHARED, predictions=[{"row": 1, "label": "a"}])
    assert list(labels.tables()) == ["what was chosen for you", "how good it is", "first predictions"]
