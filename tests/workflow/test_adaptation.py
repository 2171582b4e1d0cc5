"""What is told of an adaptation: every outcome has its plain sentence."""

import pytest

from scitrain.workflow.adaptation import ArmRow, Told, _outcome, _sentences


def arm(name, test, gain=None, low=None, high=None):
    return ArmRow(
        name=name, validation=1.0, weighted=None, proxy_a_distance=1.5, source_test=None, test=test, low=None, high=None,
        gain=gain, gain_low=low, gain_high=high, epochs=1, best_epoch=1, seconds=1.0,
    )  # fmt: skip


def told(kept, oracle=None, n=50):
    arms = [arm("source-only", 0.5), kept, *([] if oracle is None else [oracle])]
    draft = Told(
        source="a.csv", target="b.csv", rows={"oracle": 30}, kept=kept.name, why="", weights={"dann": 0.1}, metric="rmse",
        title="RMSE", unit="eV", higher_is_better=False, n=n, effective_validation_rows=9.0, arms=arms,
        outcome="not_measured", sentences=[],
    )  # fmt: skip
    whole = draft.model_copy(update={"outcome": _outcome(draft)})
    return whole.outcome, _sentences(whole)


@pytest.mark.parametrize(
    ("kept", "outcome", "said"),
    [
        (
            arm("dann", 0.4, 0.1, 0.05, 0.15),
            "beats",
            "dann beats source-only on the target; test RMSE 0.4 against 0.5 eV",
        ),
        (arm("dann", 0.4, 0.1, -0.05, 0.15), "cannot_tell", "does not beat source-only on the target: the interval"),
        (arm("dann", 0.6, -0.1, -0.2, -0.05), "does_not_beat", "does not beat source-only on the target: it is worse"),
        (arm("dann", 0.4, 0.1), "cannot_tell", "does not beat"),
    ],
)
def test_it_beats_source_only_when_the_interval_excludes_zero_and_not_before(kept, outcome, said):
    found, [sentence, *_] = told(kept)
    assert found == outcome
    assert said in sentence


def test_without_labels_of_the_target_nothing_is_claimed():
    outcome, [sentence, *_] = told(arm("dann", None), n=0)
    assert outcome == "not_measured"
    assert "cannot be told: the target has no labels" in sentence


@pytest.mark.parametrize(
    ("gain", "oracle", "said"),
    [
        (0.1, 0.4, "an oracle reaches 0.1 eV; dann closes 25% of the way"),
        (0.4, 0.4, "dann is as good without any"),
        (-0.1, 0.4, "an oracle reaches 0.1 eV."),
        (0.1, -0.1, "no better than source-only"),
    ],
)
def test_the_oracle_says_what_labels_would_be_worth(gain, oracle, said):
    sentences = told(arm("dann", 0.5 - gain, gain, -1.0, 1.0), arm("oracle", 0.1, oracle, 0.0, 1.0))[1]
    assert said in " ".join(sentences)
