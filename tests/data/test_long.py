"""Long tables of series, and the windows of a forecast."""

from pathlib import Path

import numpy as np
import pytest

from scitrain.data.long import as_series, latest, reread
from scitrain.data.options import DataOptions, SeriesOptions, SplitOptions
from scitrain.data.prepare import prepare
from scitrain.data.read import read
from scitrain.data.source import Source
from scitrain.errors import DataError, UnknownNameError
from scitrain.workspace import Workspace

HEAD = "sample_id,time,current,voltage,label,batch"


def write(workspace: Workspace, lines: list[str]) -> Source:
    (workspace.root / "t.csv").write_text("\n".join(lines) + "\n")
    return read("t.csv", workspace)


def cycles(series: int = 12, points: int = 8) -> list[str]:
    """Return rows of several series, interleaved by time."""
    return [f"s{s},{t},{s + 0.5 * t},{s * t},{'ab'[s % 2]},{s // 6}" for t in range(points) for s in range(series)]


def daily(days: int = 120, skip: tuple[int, ...] = ()) -> list[str]:
    start = np.datetime64("2024-01-01")
    return ["date,load (MW),hum", *(f"{start + i},{10 + i % 7},{i % 5}" for i in range(days) if i not in skip)]


ASKED = DataOptions(data="t.csv", target="label")


def forecast(**series: object) -> DataOptions:
    return DataOptions(data="t.csv", target="load (MW)", series=SeriesOptions.model_validate(series))


def test_a_long_table_is_recognised_and_becomes_a_row_a_series(workspace: Workspace) -> None:
    options, made = as_series(ASKED, write(workspace, [HEAD, *cycles()]))
    assert len(made) == 12
    assert made.columns["current"][2] == "2.0 2.5 3.0 3.5 4.0 4.5 5.0 5.5"
    assert made.columns["label"][2] == "a"
    assert made.columns["batch"][7] == "1", "what is the same in all rows of a series is kept"
    assert options.modality == "series"
    assert options.inputs == ["current", "voltage"]
    assert "each 'sample_id' has one 'label' and many moments" in made.notes[-1]


@pytest.mark.parametrize(
    "lines",
    [
        [HEAD, *(f"s{i},{i},{i * 1.5},{i * 2},{'ab'[i % 2]},0" for i in range(40))],
        [HEAD, *(row.replace(",a,", f",{'ab'[i // 12 % 2]},") for i, row in enumerate(cycles()))],
        [HEAD.replace("sample_id", "kind"), *cycles()],
        [HEAD.replace("time", "amount"), *cycles()],
    ],
    ids=["a row a sample", "a label a row", "no id", "no time"],
)
def test_tables_that_are_not_long_stay_what_they_are(workspace: Workspace, lines: list[str]) -> None:
    source = write(workspace, lines)
    assert as_series(ASKED, source) == (ASKED, source)


def test_twice_the_same_moment_a_gap_and_two_labels_are_told_by_line(workspace: Workspace) -> None:
    rows = cycles()
    rows.remove("s3,4,5.0,12,b,0")
    rows += ["s1,2,99,99,b,0", "s2,,1,1,a,0", "s4,8,1,1,b,0"]
    asked = ASKED.model_copy(update={"series": SeriesOptions(id="sample_id", time="time"), "inputs": "current"})
    _, made = as_series(asked, write(workspace, [HEAD, *rows]))
    said = {one.line: one.reason for one in made.broken}
    assert said[97] == "this time stands twice in series 's1'; the first, on line 27, is used"
    assert said[98] == "has no time"
    assert said[6] == "series 's4' has 2 labels, such as 'a' and 'b'"
    at = list(made.rows).index(4)
    assert made.columns["current"][at] == "3.0 3.5 4.0 4.5 nan 5.5 6.0 6.5"


def test_uneven_times_of_a_series_of_its_own_axis_are_refused(workspace: Workspace) -> None:
    rows = [f"s{s},{s * 100 + t * (1 if s else 1.37)},{t},{t},a,0" for s in range(3) for t in (0, 1, 2, 3, 5)]
    rows[12] = "s2,202.4,1,1,a,0"
    asked = ASKED.model_copy(update={"series": SeriesOptions(id="sample_id", time="time"), "inputs": "current"})
    _, made = as_series(asked, write(workspace, [HEAD, *rows]))
    assert [one.reason for one in made.broken if "evenly" in one.reason]


def test_a_forecast_learns_windows_and_the_values_that_follow(workspace: Workspace) -> None:
    options, made = as_series(forecast(horizon=2, window=5), write(workspace, daily(20)))
    assert list(made.columns) == ["load (MW)", "date", "load (MW)+1", "load (MW)+2"]
    assert made.columns["load (MW)"][0] == "10.0 11.0 12.0 13.0 14.0"
    assert (made.columns["load (MW)+1"][0], made.columns["load (MW)+2"][0]) == ("15.0", "16.0")
    assert made.columns["date"][0] == "2024-01-05", "the last moment that is known"
    assert len(made) == 20 - 5 - 2 + 1
    assert made.units["load (MW)+2"] == "MW"
    assert (options.target, options.split.kind, options.split.column) == (
        ["load (MW)+1", "load (MW)+2"],
        "time",
        "date",
    )


def test_windows_never_reach_over_a_gap_unless_it_is_filled(workspace: Workspace) -> None:
    source = write(workspace, daily(40, skip=(20, 21)))
    _, made = as_series(forecast(horizon=1, window=4), source)
    assert len(made) == (20 - 4) + (18 - 4)
    assert made.broken[-1].reason.startswith("a gap of 2 values in series 't.csv'; what reaches over it is left out")
    filled = forecast(horizon=1, window=4).model_copy(update={"rows": "impute"})
    assert len(as_series(filled, source)[1]) == 40 - 4


def test_what_comes_later_never_trains_and_forecasts_do_not_reach_into_the_next_part(workspace: Workspace) -> None:
    write(workspace, daily(200))
    prepared = prepare(forecast(horizon=3, window=6), workspace)
    last = {part: rows.max() for part, rows in prepared.split.items()}
    first = {part: rows.min() for part, rows in prepared.split.items()}
    assert prepared.rows[last["train"]] + 3 <= prepared.rows[first["val"]]
    assert prepared.rows[last["val"]] + 3 <= prepared.rows[first["test"]]
    assert "came after all it learned from" in str(prepared.report["split"])
    assert any("overlap" in str(warning) for warning in prepared.report["warnings"])  # type: ignore[union-attr]


def test_what_is_predicted_of_new_data_is_the_last_window_of_each_series(workspace: Workspace) -> None:
    source = write(workspace, daily(30))
    _, made = as_series(forecast(horizon=2, window=5), source)
    assert made.layout is not None
    new = latest(made.layout, source)
    assert list(new.columns["load (MW)"]) == ["14.0 15.0 16.0 10.0 11.0"]
    assert new.columns["date"][0] == "2024-01-30"
    assert len(reread(made.layout, source)) == len(made)
    short = latest(made.layout, write(workspace, daily(4)))
    assert short.broken[0].reason == "series 't.csv' has 4 values; 5 are looked back on"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (forecast(time="dat", horizon=1), "did you mean 'date'"),
        (forecast(horizon=1, window=300), "has 120 values; 300 are looked back on"),
        (forecast(time="date"), "the column that tells the series apart"),
        (DataOptions(data="t.csv", series=SeriesOptions(horizon=1)), "say `target`"),
        (DataOptions(data="t.csv", target=["load (MW)", "hum"], series=SeriesOptions(horizon=1)), "one target"),
    ],
)
def test_requests_that_cannot_be_met_say_what_to_do(workspace: Workspace, options: DataOptions, said: str) -> None:
    source = write(workspace, daily())
    with pytest.raises((DataError, UnknownNameError), match=said):
        as_series(options, source)


def test_a_split_that_was_asked_for_is_kept(workspace: Workspace) -> None:
    write(workspace, daily(200))
    asked = forecast(horizon=2, window=4).model_copy(update={"split": SplitOptions(kind="random")})
    assert dict(prepare(asked, workspace).report)["split"]["kind"] == "random"  # type: ignore[index,call-overload]


def test_no_clean_long_table_is_left_behind(workspace: Workspace, tmp_path: Path) -> None:
    write(workspace, [HEAD, *cycles()])
    prepare(ASKED, workspace)
    assert not [path for path in workspace.datasets.rglob("*") if path.name.startswith(".")]
