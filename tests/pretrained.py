"""Makes small pretrained models as the hub lays them out, from random weights: what fine-tuning begins from in the tests."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoModel,
    BertConfig,
    BertForSequenceClassification,
    CLIPConfig,
    CLIPImageProcessor,
    EsmConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    SiglipConfig,
)

__all__ = ["WORDS", "bert", "clip", "esm", "nli", "roberta", "sentences"]

WORDS = "iron rust wet dry air salt water gold keeps its shine the in of does not cold hot sea wind".split()
SMALL: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}


def sentences(n: int = 60) -> tuple[list[str], list[str]]:
    """Return texts of different lengths, and what each is about."""
    metals = ("iron", "gold")
    texts = [
        f"the {metals[i % 2]} in {WORDS[3 + i % 5]} air and {WORDS[i % 17]} water does {'not ' * (i % 3)}rust in cold wind, sample {i}"
        for i in range(n)
    ]
    return texts, [metals[i % 2] for i in range(n)]


def bert(folder: Path, **changes: Any) -> Path:
    """Write a BERT of three layers with a tokenizer of whole words."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    config = BertConfig(vocab_size=len(words), max_position_embeddings=40, pad_token_id=0, **SMALL | changes)
    return _write(folder, config, made, {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]"})


def roberta(folder: Path) -> Path:
    """Write a RoBERTa over characters of SMILES, whose padding is not id 0."""
    letters = ["<s>", "<pad>", "</s>", "<unk>", *"CNOSFclnosBrH()[]=#+-@123456789./\\"]
    vocabulary = {letter: i for i, letter in enumerate(dict.fromkeys(letters))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    config = RobertaConfig(vocab_size=len(vocabulary), max_position_embeddings=130, pad_token_id=1, **SMALL)
    return _write(folder, config, made, {"pad_token": "<pad>", "unk_token": "<unk>"})


def esm(folder: Path) -> Path:
    """Write an ESM-2 with its own vocabulary file and slow tokenizer."""
    letters = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO.-", "<null_1>", "<mask>"]
    config = EsmConfig(
        vocab_size=len(letters), pad_token_id=1, mask_token_id=len(letters) - 1, max_position_embeddings=130,
        position_embedding_type="rotary", token_dropout=True, emb_layer_norm_before=False, **SMALL,
    )  # fmt: skip
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(letters), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "EsmTokenizer"}), encoding="utf-8")
    return folder


def nli(folder: Path, labels: tuple[str, ...] = ("entailment", "neutral", "contradiction")) -> Path:
    """Write a BERT that tells whether a text entails another: it does where the second names a metal of the first."""
    bert(folder)
    config = BertConfig.from_pretrained(
        folder, id2label=dict(enumerate(labels)), label2id={n: i for i, n in enumerate(labels)}
    )
    torch.manual_seed(0)
    BertForSequenceClassification(config).save_pretrained(folder)
    made = Tokenizer.from_file(str(folder / "tokenizer.json"))
    frame = [("[CLS]", 2), ("[SEP]", 3)]
    pair = "[CLS] $A [SEP] $B:1 [SEP]:1"
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair=pair, special_tokens=frame)
    PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    return folder


def clip(folder: Path, sigmoid: bool = False) -> Path:
    """Write a CLIP (a SigLIP, which has a probability of each label by itself) of pictures of 16 × 16 pixels."""
    bert(folder)
    text: dict[str, Any] = {"vocab_size": 5 + len(WORDS), "max_position_embeddings": 16, **SMALL}
    text |= {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    vision: dict[str, Any] = {"image_size": 16, "patch_size": 8, **SMALL}
    kind: Any = SiglipConfig if sigmoid else CLIPConfig
    torch.manual_seed(0)
    AutoModel.from_config(kind(text_config=text, vision_config=vision)).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}).save_pretrained(folder)
    return folder


def _write(folder: Path, config: Any, tokenizer: Tokenizer, special: dict[str, str]) -> Path:
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\nmade up", encoding="utf-8")
    return folder
