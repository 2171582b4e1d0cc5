"""GPT, its cache, and draws from it: laws that hold for weights of chance."""

import dataclasses

import numpy as np
import pytest
import torch

from scitrain.generation.beam import beam_search
from scitrain.generation.cache import Stepper
from scitrain.generation.forecast import Forecast
from scitrain.generation.gpt import Heeded, build_gpt, load_gpt
from scitrain.generation.languages import LANGUAGES
from scitrain.generation.options import Sampling
from scitrain.generation.sampling import Drawing, Logits, draw, filtered

TEXTS = ["CCO", "c1ccccc1O", "CC(=O)Nc1ccc(O)cc1", "C1CCCCC1N", "O=C(O)c1ccccc1", "CC#N", "ClCCBr"]
NOTHING = np.full(2, np.nan, dtype=np.float32)


@pytest.fixture(scope="module")
def language():
    return LANGUAGES["smiles"]()


@pytest.fixture(scope="module")
def model(language):
    torch.manual_seed(1)
    ours = language.tokenizer
    specials = ours.bos_token_id, ours.eos_token_id, ours.pad_token_id
    network = build_gpt(len(ours), specials, 40, (2, 32, 2), Heeded(2), 0.0).eval()
    torch.nn.init.normal_(network.body.lm_head.weight, std=0.15)
    return network


@pytest.fixture
def drawing(language, model):
    words = language.words({i for ids in language.ids(TEXTS).rows() for i in ids})
    return Drawing(model, words, language.grammar(words), Sampling(batch_size=32), 40)


def test_a_step_with_the_cache_gives_the_logits_of_the_whole_network(model):
    tokens, values = torch.randint(7, 90, (3, 9)), torch.tensor([[0.5, -1.0], [torch.nan, 2.0], [torch.nan, torch.nan]])
    stepper = Stepper(model, 3, 12)
    stepper.start(values)
    stepped = torch.stack([stepper.step(tokens[:, i]) for i in range(9)], dim=1)
    torch.testing.assert_close(stepped, model(tokens, values), atol=1e-5, rtol=1e-5)


def test_rows_that_are_kept_go_on_as_before(model):
    tokens = torch.randint(7, 90, (3, 6))
    stepper = Stepper(model, 3, 8)
    stepper.start(torch.full((3, 2), torch.nan))
    for i in range(4):
        stepper.step(tokens[:, i])
    stepper.keep(torch.tensor([2, 0]))
    alone = model(tokens[[2, 0], :5], torch.full((2, 2), torch.nan))[:, -1]
    torch.testing.assert_close(stepper.step(tokens[[2, 0], 4]), alone, atol=1e-5, rtol=1e-5)


def test_a_padded_row_has_the_loss_of_the_row_alone(language, model):
    short, long = (torch.tensor(ids) for ids in language.ids(["CCO", "CC(=O)Nc1ccc(O)cc1"]).rows())
    pad = language.tokenizer.pad_token_id
    rows = torch.full((1, len(long)), pad)
    rows[0, : len(short)] = short
    values = torch.tensor([[0.3, 0.1]])
    torch.testing.assert_close(model.loss(rows, values, pad), model.loss(short[None], values, pad))


def test_what_is_saved_is_read_by_transformers_and_by_us(model, language, tmp_path):
    from transformers import AutoTokenizer, GPT2LMHeadModel

    model.save(tmp_path)
    language.tokenizer.save_pretrained(tmp_path)
    tokens, values = torch.tensor(language.ids(["CCO"]).rows()), torch.tensor([[1.0, torch.nan]])
    again = load_gpt(tmp_path, 2)
    torch.testing.assert_close(again(tokens, values), model(tokens, values))
    plain = GPT2LMHeadModel.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(plain(tokens).logits, model(tokens, None), atol=1e-5, rtol=1e-5)
    assert AutoTokenizer.from_pretrained(tmp_path)("CCO")["input_ids"] == language.ids(["CCO"]).rows()[0]


def test_whatever_a_network_of_chance_draws_without_aromatic_atoms_is_a_molecule(model):
    kekule = LANGUAGES["kekule"]()
    words = kekule.words({i for ids in kekule.ids(kekule.spell_all(TEXTS)).rows() for i in ids})
    found = draw(Drawing(model, words, kekule.grammar(words), Sampling(), 40), NOTHING, 64, 2)
    ended = [kekule.text(one.ids) for one in found if one.ended]
    assert len(ended) > 50
    assert all(kekule.settle(text).key for text in ended)


def test_the_same_seed_draws_the_same_and_another_seed_others(drawing):
    first, again = draw(drawing, NOTHING, 16, 5), draw(drawing, NOTHING, 16, 5)
    assert first == again
    assert first != draw(drawing, NOTHING, 16, 6)


def test_the_likelihood_of_a_draw_is_the_loss_of_its_string(drawing, model):
    values = np.array([0.7, np.nan], dtype=np.float32)
    one = next(d for d in draw(drawing, values, 16, 3) if d.ended)
    row = torch.tensor([[drawing.words.bos, *one.ids, drawing.words.eos]])
    loss = model.loss(row, torch.from_numpy(values)[None], drawing.words.pad) * (row.shape[1] - 1)
    assert one.log_likelihood == pytest.approx(-loss.item(), rel=1e-4)


def test_each_draw_begins_with_the_prefix(drawing, language):
    prefix = tuple(language.ids(["CC(=O)N"]).rows()[0][1:-1])
    found = draw(dataclasses.replace(drawing, prefix=prefix), NOTHING, 8, 1)
    assert all(tuple(one.ids[: len(prefix)]) == prefix for one in found)


def test_guidance_of_one_is_the_conditional_model_and_more_moves_away_from_it(drawing):
    values = np.array([2.0, -2.0], dtype=np.float32)

    def guided(weight):
        sampling = drawing.sampling.model_copy(update={"guidance": weight})
        return draw(dataclasses.replace(drawing, sampling=sampling), values, 8, 1)

    assert guided(1.0) == draw(drawing, values, 8, 1)
    assert guided(4.0) != guided(1.0)


def test_filters_leave_what_they_say():
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0]])
    kept = [
        torch.isfinite(filtered(logits, Sampling(**how))).sum().item()
        for how in ({"top_k": 2}, {"top_p": 0.5}, {"top_p": 0.7}, {})
    ]
    # e^2 : e^1 : e^0 : e^-1 = .64 : .24 : .09 : .03
    assert kept == [2, 1, 2, 4]
    torch.testing.assert_close(filtered(logits, Sampling(temperature=2.0)), logits / 2)


def test_a_wide_beam_finds_the_likeliest_string_there_is(drawing):
    """Of strings of one token all can be looked at."""
    wide = dataclasses.replace(drawing, length=3, sampling=Sampling(beams=100))
    [best, *others] = beam_search(wide, NOTHING)
    ends = [one for one in (best, *others) if one.ended]
    assert best.log_likelihood == max(one.log_likelihood for one in ends)
    drawn = [one for one in draw(dataclasses.replace(wide, sampling=Sampling()), NOTHING, 200, 0) if one.ended]
    assert all(one.log_likelihood <= best.log_likelihood + 1e-4 for one in drawn)
    assert beam_search(wide, NOTHING) == [best, *others]


@pytest.fixture(scope="module")
def foreseeing(language):
    torch.manual_seed(2)
    ours = language.tokenizer
    specials = ours.bos_token_id, ours.eos_token_id, ours.pad_token_id
    network = build_gpt(len(ours), specials, 40, (2, 32, 2), Heeded(2, forecasts=True), 0.0).eval()
    torch.nn.init.normal_(network.forecast.outer.weight, std=0.3)
    return network


def test_forecasts_weigh_each_token_by_bayes(foreseeing, drawing):
    """With guidance 1 the next token is drawn by p(token | told) · p(asked | before, token)."""
    asked = np.array([0.8, np.nan], dtype=np.float32)
    tokens = torch.tensor([drawing.words.bos])
    told = foreseeing(tokens[:, None], torch.from_numpy(asked)[None])[0, 0].softmax(-1)
    state = foreseeing.states(tokens[:, None], torch.full((1, 2), torch.nan))[:, 0]
    mean, spread = (part[0, :, 0] for part in foreseeing.forecast(state))
    width = torch.sqrt((2 * spread).exp() + 0.1**2)
    expected = told * torch.exp(torch.distributions.Normal(mean, width).log_prob(torch.tensor(0.8)))
    logits = Logits(dataclasses.replace(drawing, model=foreseeing), asked, 1).step(tokens)
    torch.testing.assert_close(logits.softmax(-1)[0], expected / expected.sum(), atol=1e-6, rtol=1e-4)


def test_a_network_that_forecasts_draws_as_it_would_without_where_nothing_is_asked(foreseeing, drawing):
    ours = dataclasses.replace(drawing, model=foreseeing)
    plain = foreseeing(torch.tensor([[drawing.words.bos]]), torch.full((1, 2), torch.nan))[:, 0]
    torch.testing.assert_close(Logits(ours, NOTHING, 1).step(torch.tensor([drawing.words.bos])), plain)


def test_rows_that_are_kept_go_on_with_their_own_forecasts(foreseeing, drawing):
    ours = dataclasses.replace(drawing, model=foreseeing)
    asked = np.array([[0.0, 1.0], [2.0, np.nan], [-1.0, 0.5]], dtype=np.float32)
    tokens = torch.randint(7, 90, (3, 3))
    whole, part = Logits(ours, asked, 3), Logits(ours, asked[[2, 0]], 2)
    for i in range(2):
        whole.step(tokens[:, i])
        part.step(tokens[[2, 0], i])
    whole.keep(torch.tensor([2, 0]))
    torch.testing.assert_close(whole.step(tokens[[2, 0], 2]), part.step(tokens[[2, 0], 2]), atol=1e-5, rtol=1e-5)


def test_the_loss_of_forecasts_is_that_of_a_normal_distribution_and_leaves_out_what_is_unknown():
    forecast = Forecast(2, 4, 5)
    torch.nn.init.normal_(forecast.outer.weight)
    states, following = torch.randn(1, 2, 4), torch.tensor([[3, 1]])
    truth, counted = torch.tensor([[0.7, torch.nan]]), torch.tensor([[True, False]])
    mean, spread = forecast(states)
    normal = torch.distributions.Normal(mean[0, 0, 3, 0], spread[0, 0, 3, 0].exp())
    expected = -normal.log_prob(torch.tensor(0.7)) - 0.5 * np.log(2 * np.pi)
    torch.testing.assert_close(forecast.loss(states, following, truth, counted), expected, atol=1e-5, rtol=1e-5)


def test_forecasts_are_saved_and_read(foreseeing, tmp_path):
    foreseeing.save(tmp_path)
    again = load_gpt(tmp_path, 2)
    states = torch.randn(1, 32)
    torch.testing.assert_close(again.forecast(states), foreseeing.forecast(states))


def test_forecasts_learn_what_strings_come_to(language):
    """Strings of chlorine have the property, those of bromine lack it: after the first atom it is known."""
    torch.manual_seed(0)
    ours, pad = language.tokenizer, language.tokenizer.pad_token_id
    network = build_gpt(
        len(ours), (ours.bos_token_id, ours.eos_token_id, pad), 8, (1, 32, 2), Heeded(1, forecasts=True), 0.0
    )
    tokens = torch.tensor(language.ids(["ClCC", "BrCC"]).rows())
    truth = torch.tensor([[1.0], [-1.0]])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        network.lesson(tokens, torch.full_like(truth, torch.nan), truth, pad).backward()
        optimizer.step()
    with torch.no_grad():
        mean, _ = network.forecast(network.states(tokens[:1, :1], torch.full((1, 1), torch.nan))[0, 0])
    assert mean[tokens[0, 1], 0].item() == pytest.approx(1, abs=0.15)
    assert mean[tokens[1, 1], 0].item() == pytest.approx(-1, abs=0.15)
