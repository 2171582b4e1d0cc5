from argparse import ArgumentParser
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, field_validator

from scitrain.contracts.operation import Query, Result
from scitrain.flags import add_flags, arguments
from scitrain.request import RequestError, parse
from scitrain.spec import Spec
from scitrain.workspace import Workspace


class Mlp(Spec):
    family: Literal["mlp"] = "mlp"
    hidden_width: int = 256
    dropout: float = 0.1


class Cnn(Spec):
    family: Literal["cnn"] = "cnn"
    channels: list[int] = [32, 64]
    dropout: float = 0.3


class Split(Spec):
    kind: Literal["auto", "random"] = "auto"
    val: float = 0.1


class Wish(Query):
    """Wish."""

    data: str | None = None
    target: str | list[str] | None = None
    names: list[str] = []
    rows: list[str] | list[dict[str, float]] | None = None
    model: Annotated[Mlp | Cnn, Field(discriminator="family")] | None = None
    split: Split = Split()
    rate: float | Literal["auto"] = "auto"
    steady: bool = True
    augment: bool | Literal["auto"] = "auto"
    minutes: float | None = 30
    unit: str | dict[str, str] | None = None

    @field_validator("split", mode="before")
    @classmethod
    def _kind_alone(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value

    def execute(self, workspace: Workspace) -> Result:
        return Result()


def read(*words: str) -> Wish:
    parser = ArgumentParser(allow_abbrev=False)
    add_flags(parser, Wish)
    return parse(Wish, arguments(Wish, parser.parse_args(words)))


@pytest.mark.parametrize(
    ("words", "same"),
    [
        ([], {}),
        (["--data", "a.csv", "--target", "y"], {"data": "a.csv", "target": "y"}),
        (["--target", "a, b", "--target", "c"], {"target": ["a, b", "c"]}),
        (["--target", "a", "b"], {"target": ["a", "b"]}),
        (["--names", "[Na+].[Cl-]"], {"names": ["[Na+].[Cl-]"]}),
        (["--names", "null", "C1CC[NH+]1", "a,b"], {"names": ["null", "C1CC[NH+]1", "a,b"]}),
        (["--names", '["a", "b"]'], {"names": ["a", "b"]}),
        (["--names"], {"names": []}),
        (["--rows", '{"x": 1}', '{"x": 2}'], {"rows": [{"x": 1}, {"x": 2}]}),
        (["--rows", "CCO"], {"rows": ["CCO"]}),
        (["--rows", '{"x": 1}'], {"rows": [{"x": 1}]}),
        (["--model", '{"family": "cnn", "channels": [8]}'], {"model": {"family": "cnn", "channels": [8]}}),
        (["--model", "mlp", "--model.hidden-width", "3"], {"model": {"family": "mlp", "hidden_width": 3}}),
        (["--model.family", "cnn", "--model.channels", "8", "16"], {"model": {"family": "cnn", "channels": [8, 16]}}),
        (["--split", "random"], {"split": {"kind": "random"}}),
        (["--split", "random", "--split.val", "0.2"], {"split": {"kind": "random", "val": 0.2}}),
        (["--rate", "0.01"], {"rate": 0.01}),
        (["--rate", "auto"], {"rate": "auto"}),
        (["--no-steady"], {"steady": False}),
        (["--augment"], {"augment": True}),
        (["--augment", "false"], {"augment": False}),
        (["--minutes", "none"], {"minutes": None}),
        (["--unit", "eV"], {"unit": "eV"}),
        (["--unit", '{"a": "eV"}'], {"unit": {"a": "eV"}}),
        (["--data=-1"], {"data": "-1"}),
    ],
)
def test_flags_make_the_same_request_as_python(words, same):
    assert read(*words) == Wish(**same)


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1), min_size=2, max_size=3)
)
def test_any_texts_arrive_unharmed(texts):
    assert read(*(f"--names={text}" for text in texts)).names == texts


def test_an_option_of_one_value_given_twice_is_refused():
    with pytest.raises(RequestError, match="--data: takes one value"):
        read("--data", "a", "--data", "b")


def test_help_says_default_choices_and_kind(capsys):
    parser = ArgumentParser(prog="x")
    add_flags(parser, Wish)
    text = " ".join(parser.format_help().split())
    assert "--rate auto|X" in text
    assert "(default: 30)" in text
    assert "--split.val X" in text
    assert text.count("--model.dropout") == 2  # once in the usage, once in the list: not once a family


def test_help_names_every_member_of_a_union_and_each_default():
    parser = ArgumentParser(allow_abbrev=False, prog="x")
    add_flags(parser, Wish)
    shown = " ".join(parser.format_help().split())
    assert "--model.family mlp|cnn" in shown
    assert "(default: 0.1 or 0.3)" in shown
    assert "(default: mlp)" not in shown
