"""Where weights come from: the one place that reads ``source``."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scitrain.contracts.model import ModelSpec
from scitrain.errors import ScitrainError, UnknownNameError, listed
from scitrain.models import FAMILIES
from scitrain.models._bert import notation_in, read_architecture
from scitrain.runs import Run
from scitrain.transfer.beginning import bare
from scitrain.weights import ENCODERS, check_folder, licence_of
from scitrain.weights.reading import SUFFIXES, read_tensors
from scitrain.workspace import Workspace

__all__ = ["BUILTIN", "RUN_ID", "Origin", "check_source_of_weights", "names_run", "pretrained_folder", "resolve"]

BUILTIN = "builtin"
PRETRAINING = "pretrain_transformer"
"""Operation whose runs hold a Transformer as transformers saves it, and no trained model."""
RUN_ID = re.compile(r"[a-z]\w*-\d{8}T\d{6}-[0-9a-f]+")
NOT_STATED = "not stated; look at the model's page before sharing what is made of it"


@dataclass(frozen=True)
class Origin:
    """Weights that somebody named."""

    source: str
    """As it was given."""
    kind: Literal["hub", "local", "run", "builtin"]
    model: ModelSpec
    """Network, with its weights unless these come from a run."""
    run: Run | None = None
    """Run whose encoder it is."""
    licence: str = NOT_STATED

    @property
    def words(self) -> str:
        """Say where the weights are from."""
        return {
            "hub": f"{self.source} of the hub",
            "local": f"the local {self.source}",
            "run": f"run {self.source}",
            "builtin": "random numbers",
        }[self.kind]


def check_source_of_weights(source: str, workspace: Workspace) -> ModelSpec | None:
    """Refuse, within milliseconds, a run or a path that is not there, and a folder that is not whole.

    Returns the network of a trained run; that of other weights follows from the data too.

    Raises:
        ScitrainError: What is wrong with it.
    """
    if names_run(source, workspace):
        from scitrain.inference.files import read_config

        run = Run.open(source, workspace)
        if pretrained_folder(run) is None:
            return read_config(run).model_object()
    elif (path := _path(source, workspace)) is not None and path.is_dir():
        check_folder(path)
    return None


def resolve(source: str, modality: str, asked: ModelSpec | None, workspace: Workspace) -> Origin:
    """Find out what ``source`` names for data of ``modality``; ``asked`` is the network that the request names, or None.

    Raises:
        ScitrainError: There is nothing of this name, or not for this kind of data; says what there is.
    """
    if source == BUILTIN:
        return Origin(
            source, "builtin", bare(_needed(asked, "source='builtin' begins from random weights")), None, "none needed"
        )
    if names_run(source, workspace):
        return _of_run(source, modality, asked, workspace)
    path = _path(source, workspace)
    if path is not None:
        return _of_path(source, path, modality, asked)
    if modality == "image":
        return _of_images(source, asked)
    if modality in ENCODERS:
        return Origin(
            source, "hub", _with(asked, "pretrained", name=source, pretrained=True), None, _licence_in_cache(source)
        )
    raise ScitrainError(
        f"{source!r} names a model of a hub, which has weights for images, texts, molecules and sequences, but these data are "
        f"{modality}; give the id of a run that was trained on {modality} data (list_runs shows them)"
    )


def names_run(source: str, workspace: Workspace) -> bool:
    """Tell whether ``source`` is a run, or is written as the id of one."""
    return "/" not in source and ((workspace.runs / source).is_dir() or RUN_ID.fullmatch(source) is not None)


def _path(source: str, workspace: Workspace) -> Path | None:
    """Return the path that ``source`` is, or None where it is a name."""
    looks = source.startswith((".", "/", "~", "\\")) or source.endswith(SUFFIXES) or Path(source).is_absolute()
    if looks:
        return workspace.readable(source)
    try:
        return workspace.readable(source)
    except ScitrainError:
        return None


def _of_run(source: str, modality: str, asked: ModelSpec | None, workspace: Workspace) -> Origin:
    from scitrain.inference.files import read_config

    run = Run.open(source, workspace)
    if (folder := pretrained_folder(run)) is not None:
        return _of_path(source, folder, modality, asked)
    config = read_config(run)
    if config.modality != modality:
        raise ScitrainError(
            f"run {source} was trained on {config.modality} data and these are {modality}: its encoder cannot read them; give a run on "
            f"{modality} data, or say modality={config.modality!r} where that is what they are"
        )
    made = run.path / "results" / "transfer.json"
    licence = (
        str(run.read_json("results/transfer.json").get("licence"))
        if made.is_file()
        else f"as the data of {config.source}"
    )
    return Origin(source, "run", config.model_object(), run, licence)


def pretrained_folder(run: Run) -> Path | None:
    """Return the folder of a Transformer that a run pretrained, or None where it is a run of another kind.

    Raises:
        ScitrainError: The pretraining has not come to its end.
    """
    record = run.record()
    if record.operation != PRETRAINING:
        return None
    if record.status != "completed":
        raise ScitrainError(
            f"run {run.id} is {record.status}, and its weights are written at its end; resume_run(run_id={run.id!r}) goes on with it"
        )
    return run.path / "models"


def _of_path(source: str, path: Path, modality: str, asked: ModelSpec | None) -> Origin:
    if path.is_dir():
        check_folder(path)
        told = notation_in(path)
        if modality == "formula":
            read_architecture(path, "composition")
            return Origin(
                source, "local", _with(asked, "matbert", weights=str(path)), None, licence_of(path) or NOT_STATED
            )
        if told is not None and modality != told.partition("/")[0]:
            raise ScitrainError(
                f"{source!r} holds a Transformer that reads {told}, and these data are {modality}: its tokens are others"
            )
        if modality not in ENCODERS:
            raise ScitrainError(
                f"the folder {source!r} holds a Transformer, which reads {listed(ENCODERS)}, and these data are {modality}"
            )
        spec = _with(asked, "pretrained", name=str(path), pretrained=True)
        return Origin(source, "local", spec, None, licence_of(path) or NOT_STATED)
    if asked is None:
        read_tensors(path)  # what is wrong with the file itself is told first
    spec = _needed(asked, f"the file {source!r} holds weights alone")
    if "weights" not in type(spec).model_fields:
        raise ScitrainError(
            f"model family {_family(spec)!r} takes no file of weights; timm and torchvision do, and family 'pretrained' takes a folder"
        )
    return Origin(source, "local", _with(spec, _family(spec), weights=str(path)), None)


def _of_images(source: str, asked: ModelSpec | None) -> Origin:
    """Find a network of timm, or of torchvision where timm has none of that name."""
    import timm
    from torchvision.models import list_models

    hub, _, name = source.rpartition("/")
    if hub not in ("", "timm", "torchvision"):
        raise ScitrainError(
            f"{source!r}: images take networks of timm or torchvision, by a name such as 'resnet18', 'timm/convnext_tiny' or "
            "'torchvision/vit_b_16'"
        )
    if hub != "torchvision" and timm.is_model(name.partition(".")[0]):
        found = timm.get_pretrained_cfg(name) if "." in name else timm.get_pretrained_cfg(name.partition(".")[0])
        licence = getattr(found, "license", None) or NOT_STATED
        return Origin(source, "hub", _with(asked, "timm", name=name, pretrained=True), None, str(licence))
    networks = list_models()
    if hub != "timm" and name in networks:
        return Origin(source, "hub", _with(asked, "torchvision", name=name, pretrained=True), None)
    raise UnknownNameError("network of timm or torchvision", name, [*timm.list_models(), *networks])


def _with(asked: ModelSpec | None, family: str, **settled: object) -> ModelSpec:
    """Return the asked network, or the family's default one, with its weights named.

    Raises:
        ScitrainError: Another family is asked for than the weights are of.
    """
    if asked is not None and _family(asked) != family:
        raise ScitrainError(
            f"these weights are of the family {family!r}, but model names {_family(asked)!r}; leave model out"
        )
    return (asked or FAMILIES[family]()).model_copy(update=settled)


def _needed(asked: ModelSpec | None, why: str) -> ModelSpec:
    if asked is None:
        raise ScitrainError(f"{why}: say of which network, for example model={{'family': 'timm', 'name': 'resnet18'}}")
    return asked


def _family(model: ModelSpec) -> str:
    return str(type(model).model_fields["family"].default)


def _licence_in_cache(name: str) -> str:
    from huggingface_hub import try_to_load_from_cache

    card = try_to_load_from_cache(name, "README.md")
    return (licence_of(Path(card).parent) if isinstance(card, str) else None) or NOT_STATED
