"""The Hugging Face hub: is it there, is the model in the cache, and what to do where neither is so."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from scitrain.errors import ScitrainError, listed

__all__ = ["ENCODERS", "WEIGHT_FILES", "ZERO_SHOT", "Wanted", "fetched", "near_names", "reach"]

PROBE_S = 3.0
"""Seconds the hub has to answer before the user is told how to go on without it."""
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
ENCODERS: Mapping[str, tuple[str, ...]] = {
    "text": (
        "sentence-transformers/all-MiniLM-L6-v2",
        "allenai/scibert_scivocab_uncased",
        "dmis-lab/biobert-v1.1",
        "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract",
        "google-bert/bert-base-uncased",
        "distilbert/distilbert-base-uncased",
        "FacebookAI/roberta-base",
    ),
    "smiles": ("seyonec/ChemBERTa-zinc-base-v1", "DeepChem/ChemBERTa-77M-MLM", "DeepChem/ChemBERTa-77M-MTR"),
    "sequence": (
        "facebook/esm2_t6_8M_UR50D",
        "facebook/esm2_t12_35M_UR50D",
        "facebook/esm2_t30_150M_UR50D",
        "facebook/esm2_t33_650M_UR50D",
    ),
}
"""Encoders that are usually taken, by modality."""
ZERO_SHOT: Mapping[str, tuple[str, ...]] = {
    "embedding": ENCODERS["text"][:1],
    "entailment": (
        "MoritzLaurer/deberta-v3-base-zeroshot-v2.0",
        "facebook/bart-large-mnli",
        "FacebookAI/roberta-large-mnli",
        "cross-encoder/nli-deberta-v3-small",
    ),
    "clip": (
        "openai/clip-vit-base-patch32",
        "openai/clip-vit-large-patch14",
        "google/siglip-base-patch16-224",
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
    ),
}
"""Models that classify by a label's description, by the way they do it; the first is taken where none is named."""


@dataclass(frozen=True)
class Wanted:
    """Weights that somebody asked for by name."""

    what: str
    """Name as it was given."""
    repository: str
    """Of the hub, such as ``timm/resnet18.a1_in1k``; empty where it is not known."""
    files: tuple[str, ...] = WEIGHT_FILES[:1]
    """Files to bring by hand."""
    local: str = "weights"
    """Argument that takes a file or folder instead."""
    scratch: str = "train from scratch with pretrained=false"
    """What does without."""
    known: tuple[str, ...] = ()
    """Names among which a misspelt one is looked for."""


def near_names(name: str, known: tuple[str, ...]) -> list[str]:
    """Return the known names, and those in the local cache, that ``name`` may have been meant for, the nearest first."""
    names = {one.lower(): one for one in (*known, *_cached())}
    short = {one.lower().rpartition("/")[2]: one for one in names.values()}
    near = get_close_matches(name.lower(), names, n=3, cutoff=0.6)
    by_end = get_close_matches(name.lower().rpartition("/")[2], short, n=3, cutoff=0.6)
    found = dict.fromkeys([*(names[one] for one in near), *(short[one] for one in by_end)])
    return [one for one in found if one != name]


@contextmanager
def fetched(wanted: Wanted) -> Iterator[bool]:
    """Make sure that weights are at hand or the hub answers, then tell what goes wrong while they are fetched and read.

    Yields:
        True where they are in the local cache, so that nothing need be asked of the hub.

    Raises:
        ScitrainError: The hub cannot be reached, has no such model, or does not give it; says which files to put where.
    """
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    cached = reach(wanted)
    try:
        yield cached
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise ScitrainError(_advice(wanted, _first_line(error))) from error


def reach(wanted: Wanted) -> bool:
    """Make sure that the weights are in the local cache (True), or that the hub answers (False).

    Raises:
        ScitrainError: Neither is so; says which files to put where.
    """
    from huggingface_hub import constants, try_to_load_from_cache

    if any(
        isinstance(try_to_load_from_cache(wanted.repository, file), str) for file in WEIGHT_FILES if wanted.repository
    ):
        return True
    if constants.HF_HUB_OFFLINE:
        raise ScitrainError(_advice(wanted, "HF_HUB_OFFLINE is set, and they are not in the local cache"))
    try:
        with urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=PROBE_S):
            return False
    except HTTPError:
        return False  # it answered, if only to say no: what it says to the download is told then
    except OSError as error:
        raise ScitrainError(_advice(wanted, str(error) or type(error).__name__)) from error


def _advice(wanted: Wanted, reason: str) -> str:
    from huggingface_hub import constants

    page = f"{constants.ENDPOINT}/{wanted.repository}" if wanted.repository else "the model's page"
    near = near_names(wanted.what, wanted.known)
    meant = f"did you mean {listed(map(repr, near))}? " if near and wanted.what not in wanted.known else ""
    several = len(wanted.files) > 1
    here = "…" if several else f"…/{wanted.files[0]}"
    return (
        f"the pretrained weights of {wanted.what!r} cannot be fetched from {constants.ENDPOINT} ({reason}); {meant}on a machine "
        f"with access, download {', '.join(wanted.files)} from {page} (`hf download {wanted.repository or 'NAME'}`), copy "
        f"{'the folder' if several else 'it'} here and give its path as {wanted.local}='{here}', or copy it into the cache "
        f"{constants.HF_HUB_CACHE} and set HF_HUB_OFFLINE=1; or {wanted.scratch}"
    )


def _cached() -> list[str]:
    """Return the names of the models in the local cache."""
    from huggingface_hub import constants

    folders = Path(constants.HF_HUB_CACHE).glob("models--*")
    return sorted(folder.name.removeprefix("models--").replace("--", "/") for folder in folders)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
