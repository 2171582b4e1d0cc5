import pytest

from scitrain.render.knowledge import doubts, headline, knowledge, sentences

BASE = {"value": 1.0, "low": 0.8, "high": 1.2, "reason": None}
LESS = {"difference": -0.5, "difference_low": -0.7, "difference_high": -0.3}


def rows(target, difference=LESS, value=0.5):
    own = {"target": target, "low": 0.4, "high": 0.6, "reason": None if value else "no rows", "n": 30, "value": value}
    baselines = {"training median": {**BASE, **difference}}
    return [
        {**own, "name": "mae", "title": "MAE", "unit": "eV", "higher_is_better": False, "baselines": baselines},
        {**own, "name": "r2", "title": "R²", "unit": "", "higher_is_better": True, "baselines": baselines},
    ]


def facts(properties=(), retrieval=None, targets=("gap",)):
    return {
        "masked_accuracy": None,
        "retrieval": retrieval,
        "properties": list(properties),
        "targets": list(targets),
        "objectives": {"properties": 1.0},
    }


def test_a_property_is_told_in_its_unit_beside_the_training_median():
    [said] = sentences(facts(rows("gap")))
    assert said == (
        "gap: MAE 0.50 [0.40, 0.60] eV, R² 0.50 [0.40, 0.60] on 30 held-out rows; "
        "always the training median: MAE 1.00 [0.80, 1.20] eV, R² 1.00 [0.80, 1.20]"
    )
    [table] = knowledge(facts(rows("gap")))
    assert [cell[0] for cell in table.rows[0]] == [
        "gap: MAE↓",
        "0.50 [0.40, 0.60] eV",
        "1.00 [0.80, 1.20] eV",
        "−0.50 [−0.70, −0.30] eV",
        "30",
    ]


def test_of_many_properties_the_first_are_told_and_the_rest_counted():
    names = list("abcde")
    told = headline(facts([row for name in names for row in rows(name)], targets=names))
    assert told.count("MAE") == 2 * 3
    assert told.endswith("and 2 more properties below")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (facts(rows("gap", {**LESS, "difference_high": 0.1})), "tell gap better than the training median."),
        (facts(rows("gap", {**LESS, "difference_high": None}, None)), "the training median (no rows)."),
        (facts(), "No held-out row has a label"),
        (
            facts(
                rows("gap"),
                {"n": 8, "pool": 8, "top1": 0.6, "low": 0.3, "high": 0.8, "chance": 0.125, "untrained": 0.5},
            ),
            "before it learned",
        ),
    ],
)
def test_what_could_not_be_shown_is_said(given, said):
    assert any(said in one for one in doubts(given))


def test_a_property_that_is_told_better_than_by_the_median_raises_no_doubt():
    assert [one for one in doubts(facts(rows("gap"))) if "median" in one] == []
