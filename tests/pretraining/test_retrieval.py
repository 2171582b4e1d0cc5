import numpy as np
import pytest
import torch

from scitrain.modalities.formula import FormulaElements
from scitrain.pretraining import retrieval
from scitrain.pretraining.corpus import Corpus, CorpusReport
from scitrain.pretraining.retrieval import found_share, judge_retrieval


class Same(torch.nn.Module):
    """Says the same of all rows."""

    def vectors(self, rows):
        return rows.float()

    def project(self, vectors):
        return torch.ones(len(vectors), 2)


class Elements(Same):
    """Says which elements a row has."""

    def project(self, vectors):
        ids = vectors.chunk(2, dim=1)[0].long()
        return torch.nn.functional.one_hot(ids, 127)[:, :, 1:].sum(1).float()


@pytest.fixture
def corpus():
    rows, _ = FormulaElements(columns=("f",)).transform({"f": "Fe2O3 NaCl KBr CuS ZnSe GaAs LiF MgO SiC BN".split()})
    return Corpus("composition", rows.astype(np.int32), np.zeros((10, 0)), np.ones(10, np.bool_), CorpusReport())


def test_a_view_is_found_where_no_other_row_is_liker_to_it():
    some, others = torch.tensor([[1.0, 0], [0, 1], [1, 1]]), torch.tensor([[2.0, 0], [1, 0.1], [3, 3]])
    # (0, 1) is likest to (3, 3): 0.71 beside 0 and 0.10
    assert found_share(some, others) == pytest.approx(2 / 3)


def test_a_network_that_says_the_same_of_all_rows_is_at_chance():
    assert found_share(torch.ones(4, 2), torch.ones(4, 2)) == pytest.approx(1 / 4)
    pair = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    assert found_share(pair, pair) == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)


def test_pools_are_of_one_size_and_the_network_stands_beside_chance_and_what_it_was(corpus, monkeypatch):
    monkeypatch.setattr(retrieval, "POOL", 4)
    monkeypatch.setattr(retrieval, "VIEWS", {"composition": lambda rows, generator: rows})
    found = judge_retrieval(Elements(), Same(), corpus, 0)
    assert (found.n, found.pool) == (8, 4)
    assert (found.top1, found.chance, found.untrained) == (1.0, 0.25, 0.25)
    assert found.low == pytest.approx(8 / (8 + 1.959964**2)), "Wilson's lower end where all are right"


def test_few_held_out_rows_are_one_pool(corpus):
    found = judge_retrieval(Same(), Same(), corpus, 0)
    assert (found.n, found.pool, found.chance) == (10, 10, 0.1)
    assert found.top1 == pytest.approx(0.1)
