import numpy as np
import pytest

from scitrain.errors import DataError
from scitrain.modalities.text import Text, TextTerms, TextTokens

modality = Text()
WORDS = "iron copper rust air water salt acid heat metal layer thin thick grows slowly quickly under over with without and".split()
CHANCE = np.random.default_rng(0)
TEXTS = [f"{' '.join(CHANCE.choice(WORDS, 15))}." for _ in range(40)]
ALL = np.arange(40)


def test_prose_alone_is_recognised_and_yields_to_a_table_beside_it() -> None:
    alone = modality.recognise({"abstract": TEXTS, "doi": [f"10.1/{i}" for i in range(40)]})
    assert alone is not None
    assert alone.columns == ("abstract",)
    beside = modality.recognise({"remark": TEXTS, "x": [f"{i % 7}.5" for i in range(40)]})
    assert beside is not None
    assert beside.confidence < 0.4 < alone.confidence


@pytest.mark.parametrize(
    "cells",
    [["short", "words"], ["MKTAYIAKQR" * 8] * 3, ["c1ccccc1" * 10, "CCO" * 30], ["the same remark " * 6] * 40, []],
    ids=["words", "sequences", "SMILES", "one remark", "nothing"],
)
def test_what_is_no_prose_is_left_to_others(cells: list[str]) -> None:
    assert modality.recognise({"x": cells}) is None


def test_japanese_is_prose_and_is_read_by_characters() -> None:
    texts = [
        f"鉄は湿った空気の中で錆びるが、乾いた空気の中では{i}年たっても錆びない。温度が高いほど速く進むことが知られており、塩分があるとさらに速い。"
        for i in range(30)
    ]
    assert modality.recognise({"本文": texts}) is not None
    featuriser = modality.featuriser("vector", {"本文": texts}, np.arange(30))
    assert isinstance(featuriser, TextTerms)
    assert featuriser.unit == "characters"
    assert "錆び" in featuriser.terms


def test_weights_of_terms_are_those_worked_out_by_hand() -> None:
    texts = {"t": ["rust rust", "rust iron", "salt"]}
    featuriser = modality.featuriser("vector", texts, np.arange(3))
    assert isinstance(featuriser, TextTerms)
    array, _ = featuriser.transform(texts)
    idf = dict(zip(featuriser.terms, featuriser.weights, strict=True))
    assert idf["rust"] == pytest.approx(np.log(4 / 3) + 1, abs=1e-6)
    assert idf["salt"] == pytest.approx(np.log(4 / 2) + 1, abs=1e-6)
    first = {"rust": (1 + np.log(2)) * idf["rust"], "rust rust": idf["rust rust"]}
    size = np.sqrt(sum(v * v for v in first.values()) / 2)
    for term, weight in first.items():
        assert array[0, featuriser.terms.index(term)] == pytest.approx(weight / size, rel=1e-5)


def test_terms_and_tokenizer_are_learned_from_training_rows_alone_and_the_same_each_time() -> None:
    other = {"t": [*TEXTS[:30], *["quantum entanglement everywhere"] * 10]}
    for kind in modality.kinds:
        one, two = (modality.featuriser(kind, columns, np.arange(30)) for columns in ({"t": TEXTS}, other))
        assert one == two
        assert type(one).model_validate_json(one.model_dump_json()) == one


def test_tokens_join_to_the_text_and_what_was_never_seen_is_unknown() -> None:
    featuriser = modality.featuriser("tokens", {"t": TEXTS}, ALL)
    assert isinstance(featuriser, TextTokens)
    array, errors = featuriser.transform({"t": ["IRON  rust", "鉄", "water " * 1000]})
    assert errors == {}
    assert 2 <= (array[0] > 0).sum() <= 4
    assert array[1].tolist() == [1, *[0] * (featuriser.length - 1)]
    assert (array[2] > 0).all(), "a long text is cut, not refused"


def test_empty_texts_are_errors_and_long_and_odd_ones_are_told() -> None:
    cells = ["", " \t\n", "?!…", "a\x00b\x07c", "x" * 1_000_000, "na\ufffdve approach", "fine"]
    cleaned = modality.clean({"t": cells}, impute=True)
    assert cleaned.errors == {
        0: "empty; expected a text",
        1: "empty; expected a text",
        2: "holds no word, only signs; expected words",
    }
    assert cleaned.changes[3] == "removed control characters"
    assert cleaned.changes[4] == "cut: of 1,000,000 characters the first 100,000 are read"
    assert "cannot be read" in cleaned.changes[5]
    assert 6 not in cleaned.changes


def test_a_raw_text_gives_what_its_clean_form_gives() -> None:
    raw = {"t": ["  Ｉｒｏｎ\u200b rusts\tin\nair  ", "x" * 200_000]}
    cleaned = modality.clean(raw, impute=False).columns
    for kind in modality.kinds:
        featuriser = modality.featuriser(kind, {"t": TEXTS}, ALL)
        assert np.array_equal(featuriser.transform(raw)[0], featuriser.transform(cleaned)[0])


def test_one_of_two_columns_may_be_empty() -> None:
    columns = {"title": ["iron", "", ""], "abstract": ["rust", "water", ""]}
    assert set(modality.clean(columns, impute=False).errors) == {2}


def test_texts_that_share_no_word_are_refused() -> None:
    with pytest.raises(DataError, match="share a word"):
        modality.featuriser("vector", {"t": [f"alpha{i} beta{i} gamma{i}" for i in range(30)]}, np.arange(30))
