"""Rows of two domains: which learn, which are adapted to, which measure, and what is no second domain."""

import numpy as np
import pytest

from scitrain.data.options import DataOptions, DomainOptions
from scitrain.errors import DataError, UnknownNameError
from scitrain.workflow.domains import prepare_domains

COLUMNS = "a,b,y"


def lines(n, start, label=True, tail=""):
    rng = np.random.default_rng(start)
    return [f"{start + i},{rng.random():.4f},{f'{rng.random():.3f}' if label else ''}{tail}" for i in range(n)]


@pytest.fixture
def domains(workspace):
    """Return what writes both files and prepares them."""

    def make(source, target, columns=COLUMNS, other=COLUMNS, **asked):
        (workspace.root / "s.csv").write_text("\n".join([columns, *source]) + "\n")
        (workspace.root / "t.csv").write_text("\n".join([other, *target]) + "\n")
        options = {"data": str(workspace.root / "s.csv"), "target": "y", "inputs": ["a", "b"]} | asked
        return prepare_domains(
            DataOptions(**options), DomainOptions(target_data=str(workspace.root / "t.csv")), workspace
        )

    return make


@pytest.fixture
def column(workspace):
    """Return what writes one file with a column of domains and prepares it."""

    def make(rows, columns="a,b,y,where", domain="where", target_domain=None, **asked):
        (workspace.root / "one.csv").write_text("\n".join([columns, *rows]) + "\n")
        options = {"data": str(workspace.root / "one.csv"), "target": "y", "inputs": ["a", "b"]} | asked
        return prepare_domains(
            DataOptions(**options), DomainOptions(domain=domain, target_domain=target_domain), workspace
        )

    return make


def test_the_source_teaches_and_the_targets_labels_only_measure(domains):
    found = domains(lines(60, 0), [*lines(50, 100), *lines(10, 300, label=False)])
    split = found.prepared.split
    assert set(split["train"]) | set(split["val"]) | set(found.source_test) == set(range(60))
    assert set(split["test"]) | set(found.adapt) == set(range(60, 120))
    assert not set(split["test"]) & set(found.adapt)
    assert not np.isnan(found.prepared.y[split["test"]]).any()
    assert set(range(110, 120)) <= set(found.adapt), "rows without a label are adapted to"
    assert set(found.oracle["train"]) | set(found.oracle["val"]) == set(found.adapt) - set(range(110, 120))
    assert found.measured
    assert found.names == ("s.csv", "t.csv")


def test_a_target_without_labels_or_without_their_column_leaves_the_sources_test(domains):
    for target, other in ((lines(30, 100, label=False), COLUMNS), ([f"{i},0.{i}" for i in range(130, 160)], "a,b")):
        found = domains(lines(40, 0), target, other=other)
        assert not found.measured
        assert np.array_equal(found.prepared.split["test"], found.source_test)
        assert list(found.adapt) == list(range(40, 70))
        assert len(found.oracle["train"]) == 0


def test_rows_that_both_domains_have_are_the_sources(domains):
    both = lines(40, 0)
    found = domains(both, [*both[:7], *lines(30, 100)])
    assert len(found.prepared.rows) == 70
    assert "7 that the source has too" in found.prepared.report["domains"]["left_out"]


def test_a_column_tells_the_domains_apart_and_the_one_without_labels_is_the_target(column):
    found = column([*lines(40, 0, tail=",lab"), *lines(25, 100, label=False, tail=",field"), *lines(5, 200, tail=",")])
    assert found.names == ("one.csv (where: lab)", "one.csv (where: field)")
    assert len(found.adapt) == 25


def test_a_split_column_may_name_test_rows_of_the_target_alone(column):
    rows = [f"{row},lab,train" for row in lines(40, 0)] + [
        f"{row},field,{'test' if i < 12 else 'valid' if i < 20 else 'train'}" for i, row in enumerate(lines(60, 100))
    ]
    found = column(
        rows, columns="a,b,y,where,split", target_domain="field", split={"kind": "column", "column": "split"}
    )
    assert list(found.prepared.split["test"]) == list(range(40, 52))
    assert len(found.oracle["train"]) == 40
    assert len(found.prepared.split["val"]) == 4


def test_what_was_prepared_is_read_from_the_cache(domains, monkeypatch):
    first = domains(lines(40, 0), lines(40, 100))
    monkeypatch.delattr("scitrain.workflow.domains.build")
    again = domains(lines(40, 0), lines(40, 100))
    assert again.prepared.key == first.prepared.key
    assert np.array_equal(again.adapt, first.adapt)
    assert np.array_equal(again.prepared.y, first.prepared.y, equal_nan=True)


def test_classes_of_the_target_are_those_of_the_source(domains):
    kinds = ["x", "y", "z"]
    source, target = ([f"{start + i},{i % 7},{kinds[i % 3]}" for i in range(60)] for start in (0, 100))
    found = domains(source, target)
    assert found.prepared.task == "multiclass"
    assert set(found.prepared.y[found.prepared.split["test"]].tolist()) == {0, 1, 2}
    with pytest.raises(DataError, match=r"'new', which the model was not trained on; its classes are x, y, z"):
        domains(source, [*target[1:], "170,3,new"])


SAME = lines(40, 0)


@pytest.mark.parametrize(
    ("source", "target", "other", "error", "said"),
    [
        (SAME, SAME, COLUMNS, DataError, "has the very content of data: nothing to adapt to"),
        (SAME, lines(1, 100), COLUMNS, DataError, r"has 1 usable row of its own, and at least 10 are needed"),
        (SAME, SAME[:30], COLUMNS, DataError, r"has 0 usable rows .* 30 that the source has too"),
        (SAME, lines(40, 100), "a,c,y", UnknownNameError, r"an input of the source\) in t\.csv named 'b'"),
        (lines(40, 0, label=False), lines(40, 100), COLUMNS, DataError, "'?y'? holds no label"),
        (SAME, [*lines(12, 100), *lines(4, 300, label=False)], COLUMNS, DataError, "add rows without labels"),
    ],
    ids=["the same file", "one row", "nothing new", "a column missing", "no labels", "nothing left to adapt to"],
)
def test_what_is_no_second_domain_is_refused_with_what_to_do(domains, source, target, other, error, said):
    with pytest.raises(error, match=said):
        domains(source, target, other=other)


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"domain": "wher"}, UnknownNameError, "named 'wher'; did you mean 'where'"),
        ({"domain": "same"}, DataError, r"has 1 value \('k'\), and a domain to adapt from"),
        ({"target_domain": "filed"}, UnknownNameError, "did you mean 'field'"),
        ({}, DataError, r"say target_domain, which of 'field', 'lab' to adapt to \(all have labels\)"),
        ({"domain": "where", "inputs": ["a", "where"]}, DataError, "cannot be target or input too"),
    ],
)
def test_a_column_that_tells_no_domains_is_refused_with_what_to_do(column, asked, error, said):
    rows = [*lines(20, 0, tail=",lab,k"), *lines(20, 100, tail=",field,k")]
    with pytest.raises(error, match=said):
        column(rows, columns="a,b,y,where,same", **asked)


def test_folds_are_refused(domains):
    with pytest.raises(DataError, match="folds divide one domain"):
        domains(SAME, lines(40, 100), split="kfold")
