from typing import Annotated, Literal

import pytest
from pydantic import Field, model_validator

from scitrain.request import RequestError, decode, parse
from scitrain.spec import Spec


class Mlp(Spec):
    family: Literal["mlp"] = "mlp"
    width: int = Field(256, ge=1)


class Cnn(Spec):
    family: Literal["cnn"] = "cnn"
    channels: list[int] = [32]


class Train(Spec):
    data: str
    """Path of the table."""
    target: str | list[str] | None = None
    model: Annotated[Mlp | Cnn, Field(discriminator="family")] | Literal["auto"] = "auto"
    rate: float | Literal["auto"] = "auto"
    units: dict[str, int] = {}
    parts: list[Mlp] = []
    epochs: int = 5
    patience: int = 3

    @model_validator(mode="after")
    def _patience_can_trigger(self) -> "Train":
        if self.patience > self.epochs:
            raise ValueError(
                f"patience={self.patience} never triggers in epochs={self.epochs}; lower one or raise the other"
            )
        return self


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"data": "a", "epohcs": 3}, "epohcs: not a field; did you mean 'epochs'?"),
        (
            {"data": "a", "zzz": 3},
            "zzz: not a field; fields: data, target, model, rate, units, parts, epochs, patience",
        ),
        ({}, "data: required; Path of the table."),
        ({"data": "a", "patience": 9}, "request: patience=9 never triggers in epochs=5; lower one or raise the other"),
        ({"data": "a", "model": {"family": "mlp", "widht": 3}}, "model.widht: not a field; did you mean 'width'?"),
        (
            {"data": "a", "model": {"family": "mlp", "width": 0}},
            "model.width: Input should be greater than or equal to 1 (given 0)",
        ),
        ({"data": "a", "model": {"family": "mlpp"}}, "did you mean 'mlp'?"),
        ({"data": "a", "model": {"width": 3}}, "model: needs 'family' to say which is meant"),
        ({"data": "a", "model": "atuo"}, "did you mean 'auto'?"),
        ({"data": "a", "rate": "fast"}, "or expected 'auto' (given 'fast')"),
        ({"data": "a", "units": {"K": "x"}}, "units.K: Input should be a valid integer"),
        ({"data": "a", "parts": [{}, {"wdith": 1}]}, "parts[1].wdith: not a field; did you mean 'width'?"),
        (
            {"data": "a", "target": 3},
            "target: Input should be a valid string; or Input should be a valid list (given 3)",
        ),
    ],
)
def test_each_mistake_is_one_line_with_where_what_and_the_mend(arguments, said):
    with pytest.raises(RequestError) as refused:
        parse(Train, arguments)
    [line] = str(refused.value).splitlines()
    assert said in line


def test_all_mistakes_are_told_together():
    with pytest.raises(RequestError) as refused:
        parse(Train, {"dta": "a", "epochs": "many", "model": {"family": "cnn", "chanels": []}})
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == [
        "data",
        "model.chanels",
        "epochs",
        "dta",
    ]


def test_a_long_value_is_not_repeated_whole():
    with pytest.raises(RequestError) as refused:
        parse(Train, {"data": "a", "epochs": "x" * 10_000})
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("text", ["[Na+].[Cl-]", "{", "[1, 2", "CCO", "", "null"])
def test_text_that_is_no_json_stays_text(text):
    assert decode(str | list[str], text) == text


def test_json_text_is_read_only_where_an_object_or_list_is_taken():
    assert decode(list[str], '["a"]') == ["a"]
    assert decode(Mlp | None, '{"width": 3}') == {"width": 3}
    assert decode(str | None, '["a"]') == '["a"]'
    assert decode(int, "3") == "3"
