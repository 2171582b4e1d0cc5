"""What predict hands back directly is what was given and what the table holds."""

from types import ModuleType

from scitrain.operations.predict import Predict
from scitrain.workspace import Workspace


def test_sodium_nitride_and_what_looks_like_no_value_are_shown_as_given(
    trained: ModuleType, workspace: Workspace
) -> None:
    source = trained.trained_run(workspace.root, "multiclass")
    given = ["NaN", "nan", "NA", "null", "CuZn"]
    for output in (None, "said.parquet"):
        done = Predict(run=source.id, inputs=given, to_label=2, output=output).run(workspace)
        assert [row.inputs["formula"] for row in done.predictions] == given
        assert done.predictions[0].error is None
        assert "1. NaN: system " in done.summary()
        assert {row.inputs["formula"] for row in done.to_label} == {"NaN", "CuZn"}


def test_an_input_called_as_a_column_of_the_table_is_shown_and_not_that_column(
    trained: ModuleType, workspace: Workspace
) -> None:
    cells = [str(i / 7) for i in range(len(trained.FORMULAS))]
    source = trained.trained_run(workspace.root, data=("tabular", {"distance": cells, "b": cells[::-1]}))
    done = Predict(run=source.id, inputs=[{"distance": "0.25", "b": "0.5"}], to_label=1).run(workspace)
    assert done.predictions[0].inputs == done.to_label[0].inputs == {"distance": "0.25", "b": "0.5"}
