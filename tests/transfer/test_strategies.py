import copy

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import VisionTransformer
from torchvision.models.swin_transformer import SwinTransformer

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError
from scitrain.modalities.formula import FormulaElements
from scitrain.models.cnn import Cnn
from scitrain.models.matbert import Matbert
from scitrain.models.mlp import Mlp
from scitrain.models.pretrained import Pretrained
from scitrain.models.timm import Timm
from scitrain.runs import Run
from scitrain.training.fit import fit
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.training.predict import predict_array
from scitrain.training.predictor import build_predictor
from scitrain.training.start import Pace
from scitrain.transfer.arms import Study, train_arm
from scitrain.transfer.beginning import Beginning, Tuned, finished, trainable, weights_of
from scitrain.transfer.blocks import blocks_of
from scitrain.transfer.lora import add_lora, merge_lora
from scitrain.transfer.options import FinetuneOptions
from scitrain.transfer.recipe import Given, choose_strategy, network_for

TOKENS = InputShape("tokens", (12,), vocabulary=20)
GIVEN = Given(rows=40, classes=2, family="pretrained", parameters=7_000, blocks=4, auc=None)


def test_unlike_networks_begin_from_weights_of_their_own_kind():
    torch.manual_seed(0)
    shape = FormulaElements(columns=("f",)).shape()
    trained = build_predictor("regression", Matbert(), shape, 1, 2)
    start = Beginning(Tuned("full"), weights_of("a run", Matbert(), trained))
    for number in range(4):
        begun, own = start.member(Matbert(), shape, 1, number), trained.members[number % 2]
        for name, weight in begun.encoder.state_dict().items():
            assert torch.equal(weight, own.encoder.state_dict()[name]), name


@pytest.mark.parametrize("part", ["adapter", "prompt", "prefix"])
@pytest.mark.parametrize("element_features", ["apart", "beside"])
def test_a_part_in_matbert_trains_alone_and_every_network_begins_from_one_that_reads_tokens(part, element_features):
    torch.manual_seed(0)
    shape, plain = FormulaElements(columns=("f",)).shape(), Matbert(element_features=element_features)
    trained = build_predictor("regression", plain, shape, 1, 4)
    start = Beginning(Tuned(part), weights_of("a run", plain, trained))
    model = network_for(part, FinetuneOptions(source="x", units=4), plain)
    for number in range(4):
        built = start.member(model, shape, 1, number)
        names = learns(built) - {"head.weight", "head.bias"}
        assert names
        assert all("bottleneck" in name or "prompt_encoder" in name for name in names)
        kept = sorted(tuple(weight.shape) for name, weight in built.named_parameters() if name not in learns(built))
        own = trained.members[{"apart": (0, 2, 2, 2), "beside": (0, 1, 2, 3)}[element_features][number]]
        assert kept == sorted(tuple(weight.shape) for weight in own.encoder.parameters())
        words = "backbone.bert.embeddings.word_embeddings.weight"
        assert torch.equal(
            built.encoder.backbone.bert.embeddings.word_embeddings.weight, own.encoder.state_dict()[words]
        )
    rebuilt = build_predictor("regression", model, shape, 1, 1)
    rebuilt.members[0].load_state_dict(built.state_dict())


def test_a_prompt_of_matbert_counts_its_vectors_and_the_head():
    shape = FormulaElements(columns=("f",)).shape()
    built = Beginning(Tuned("prompt")).member(Matbert(prompt=4), shape, 1, 0)
    assert trainable(built)[0] == 4 * 128 + 2 * 128 + 1
    fixed = Beginning(Tuned("fixed_prompt")).member(Matbert(prompt=4), shape, 1, 0)
    assert trainable(fixed) == (2 * 128 + 1, trainable(built)[1])


@pytest.fixture
def run(workspace):
    return Run.create("finetune_model", {}, workspace)


@pytest.fixture
def learning(tiny_bert):
    rng = np.random.default_rng(0)
    x = rng.integers(1, 20, (60, 12))
    x[::3, 7:] = 0
    y = (x == 5).any(axis=1).astype(np.float32)[:, None]
    options = TrainingOptions(epochs=2, batch_size=16, learning_rate=1e-2, device="cpu", checkpoint_seconds=1e9)
    model = Pretrained(name=str(tiny_bert)).settled()
    return Learning("binary", x, y, np.arange(40), np.arange(40, 60), 1, model, TOKENS, options)


def member(learning, strategy, **more):
    beginning = Beginning(Tuned(strategy, **more))
    return beginning, beginning.member(learning.model, learning.shape, 1, 0)


def learns(member):
    return {name for name, weight in member.named_parameters() if weight.requires_grad}


def test_the_blocks_of_a_transformer_are_its_embeddings_and_layers(learning):
    _, built = member(learning, "full")
    blocks = blocks_of(built.encoder)
    assert len(blocks) == 4
    assert all("embeddings" in name for name in blocks[0])
    assert all("layer.2" in name for name in blocks[3])
    assert sorted(name for block in blocks for name in block) == sorted(n for n, _ in built.encoder.named_parameters())


@pytest.mark.parametrize(
    ("model", "shape", "least"),
    [
        (Timm(name="test_resnet"), InputShape("image", (3, 32, 32)), 4),
        (Timm(name="test_vit"), InputShape("image", (3, 32, 32)), 4),
        (Cnn(widths=[4, 8]), InputShape("image", (1, 8, 8)), 2),
        (Mlp(widths=[8, 8, 8]), InputShape("vector", (5,)), 3),
    ],
    ids=["resnet", "vit", "cnn", "mlp"],
)
def test_every_weight_belongs_to_one_block_and_each_block_has_a_matrix(model, shape, least):
    encoder = model.build(shape)
    blocks = blocks_of(encoder)
    assert len(blocks) >= least
    assert sorted(name for block in blocks for name in block) == sorted(n for n, _ in encoder.named_parameters())
    own = dict(encoder.named_parameters())
    assert all(any(own[name].ndim >= 2 for name in block) for block in blocks)


def test_feature_trains_the_head_alone_and_partial_the_top_blocks(learning):
    assert learns(member(learning, "feature")[1]) == {"head.weight", "head.bias"}
    top = learns(member(learning, "partial", blocks=1)[1])
    assert all("layer.2" in name or name.startswith("head") for name in top)
    assert len(top) > 10


def test_rates_fall_by_block_and_the_head_has_its_own(learning):
    beginning, built = member(learning, "full", layer_decay=0.5, head_rate=7.0)
    paces = beginning.paces(built)
    assert paces["head.weight"] == Pace(7.0)
    assert {paces[n].scale for n in paces if "layer.2" in n} == {1.0}
    assert {paces[n].scale for n in paces if "layer.1" in n} == {0.5}
    assert {paces[n].scale for n in paces if "embeddings" in n} == {0.125}


def test_gradual_thaws_from_the_head_down(learning, run):
    beginning, built = member(learning, "gradual", thaw_every=2)
    paces = beginning.paces(built)
    assert [next(p.thaw for n, p in paces.items() if f"layer.{i}." in n) for i in (2, 1, 0)] == [2, 4, 6]
    before = copy.deepcopy(built.state_dict())
    torch.manual_seed(0)
    first = Beginning(Tuned("gradual", thaw_every=1))
    options = learning.options.model_copy(update={"epochs": 2, "patience": 5})
    changed = Learning(**{**learning.__dict__, "start": first, "options": options})
    after = fit(changed, run).predictor.members[0].state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name]) and name.startswith("encoder")}
    assert moved
    assert all("layer.2" in name for name in moved), "the second epoch thaws the top block, and nothing below it"


def test_weights_that_wait_have_no_moments_when_their_epoch_comes(learning, run):
    options = learning.options.model_copy(update={"epochs": 1})
    changed = Learning(**{**learning.__dict__, "start": Beginning(Tuned("gradual")), "options": options})
    built = Beginning(Tuned("gradual")).member(learning.model, learning.shape, 1, 0)
    after = fit(changed, run).predictor.members[0].state_dict()
    frozen = {n: v for n, v in built.state_dict().items() if n.startswith("encoder")}
    assert all(torch.equal(after[n], v) for n, v in frozen.items())


def test_lora_trains_few_numbers_begins_as_the_network_and_merges_into_it(learning, run):
    plain = member(learning, "full")[1].encoder.eval()
    _, built = member(learning, "lora", rank=2)
    rows = torch.from_numpy(learning.x[:7])
    with torch.no_grad():
        torch.testing.assert_close(built.encoder.eval()(rows), plain(rows))
    # three layers with query, key, value and output of 16 × 16, up and down between 16 and 32, in rank 2; and a head of 16 + 1
    assert trainable(built)[0] == 3 * 2 * (4 * (16 + 16) + 2 * (16 + 32)) + 17
    options = learning.options.model_copy(update={"epochs": 3})
    start = Beginning(Tuned("lora", rank=2))
    fitted = fit(Learning(**{**learning.__dict__, "start": start, "options": options}), run)
    adapted = predict_array(fitted.predictor, learning.x).prediction
    merged = finished(fitted.predictor)
    np.testing.assert_allclose(predict_array(merged, learning.x).prediction, adapted, atol=1e-5)
    assert {name for name, _ in merged.members[0].encoder.named_parameters()} == {
        name for name, _ in plain.named_parameters()
    }


@pytest.mark.parametrize(
    "build",
    [
        lambda: SwinTransformer([2, 2], 8, [1, 1], [1, 2], [2, 2], num_classes=3),
        lambda: VisionTransformer(image_size=16, patch_size=8, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16),
    ],
    ids=["swin", "vit"],
)
def test_lora_stands_only_beside_layers_that_are_called(build):
    torch.manual_seed(0)
    rows, network = torch.rand(2, 3, 16, 16), build().eval()
    for weight in network.parameters():
        nn.init.normal_(weight, std=0.3)
    add_lora(network, 2, ())
    network(rows).sum().backward()
    added = [weight for name, weight in network.named_parameters() if "lora_B" in name]
    assert added
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in added)
    for weight in added:
        nn.init.normal_(weight)
    adapted = network(rows)
    merge_lora(network)
    torch.testing.assert_close(network(rows), adapted, atol=1e-4, rtol=1e-4)


def test_lora_without_layers_it_knows_lists_those_there_are(learning):
    with pytest.raises(ScitrainError, match=r"finds no nonsense in this network, which has .*query \(3\)"):
        member(learning, "lora", modules=("nonsense",))
    start = Beginning(Tuned("lora"))
    with pytest.raises(ScitrainError, match="this network has none"):
        start.member(Cnn(widths=[4]), InputShape("image", (1, 8, 8)), 1, 0)


@pytest.mark.parametrize("part", ["adapter", "prompt", "prefix"])
def test_what_is_put_in_is_all_that_trains_besides_the_head(learning, part):
    model = learning.model.model_copy(update={part: 4})
    built = Beginning(Tuned(part)).member(model, learning.shape, 1, 0)
    names = learns(built) - {"head.weight", "head.bias"}
    assert names
    assert all("bottleneck" in name or "prompt_encoder" in name for name in names)
    rows = torch.from_numpy(learning.x[:5])
    with torch.no_grad():
        assert built.encoder(rows).shape == (5, 16)


@pytest.mark.parametrize("part", ["prompt", "prefix"])
def test_a_fixed_one_is_the_learned_one_as_it_begins_and_the_head_alone_trains(learning, part):
    asked = FinetuneOptions(source="x", units=4)
    built = []
    for arm in (part, f"fixed_{part}"):
        with torch.random.fork_rng():
            torch.manual_seed(3)
            model = network_for(arm, asked, learning.model)
            built.append(Beginning(Tuned(arm)).member(model, learning.shape, 1, 0))
    learned, fixed = built
    assert learns(fixed) == {"head.weight", "head.bias"} < learns(learned)
    states = [one.state_dict() for one in built]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    with pytest.raises(ScitrainError, match="adds to the layers of a Transformer"):
        network_for(f"fixed_{part}", asked, Cnn(widths=[4]))


def test_an_adapter_changes_nothing_before_it_has_learned(learning):
    model = learning.model.model_copy(update={"adapter": 4})
    rows = torch.from_numpy(learning.x[:5])
    with torch.no_grad():
        torch.testing.assert_close(model.build(TOKENS).eval()(rows), learning.model.build(TOKENS).eval()(rows))


def test_cached_features_give_the_head_that_a_frozen_network_has(learning, run):
    study = Study(learning, FinetuneOptions(source="x"), None, GIVEN)
    found = train_arm(study, "feature", run)
    body = found.fitted.predictor.members[0].encoder
    with torch.no_grad():
        features = body(torch.from_numpy(learning.x[:9]))
        head: nn.Linear = found.fitted.predictor.members[0].head
        said = torch.sigmoid(head(features)).numpy()
    np.testing.assert_allclose(predict_array(found.fitted.predictor, learning.x[:9]).prediction, said, atol=1e-6)
    assert found.trainable == 4 * 16 + 1, "the means of the embeddings and of three layers, and a bias"
    plain = learning.model.build(TOKENS)
    assert all(torch.equal(v, body.state_dict()[n]) for n, v in plain.state_dict().items())


@pytest.mark.parametrize("arm", ["full", "partial", "scratch"])
def test_the_same_seed_gives_the_same_weights(learning, workspace, arm):
    study = Study(learning, FinetuneOptions(source="x"), None, GIVEN)
    said = [
        predict_array(train_arm(study, arm, Run.create("a", {}, workspace)).fitted.predictor, learning.x).prediction
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*said)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rows": 40}, "feature"),
        ({"rows": 40, "auc": 0.99}, "gradual"),
        ({"rows": 150}, "full"),
        ({"rows": 5_000}, "full"),
        ({"rows": 5_000, "parameters": 110_000_000}, "lora"),
    ],
)
def test_the_strategy_follows_from_the_labels_and_the_domain(changes, expected):
    given = Given(**{**GIVEN.__dict__, **changes})
    strategy, why = choose_strategy(FinetuneOptions(source="x"), given)
    assert strategy == expected
    assert f"{given.rows:,} labels" in why
