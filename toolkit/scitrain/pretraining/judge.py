"""What a pretrained network knows, measured on held-out rows."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scitrain.chem.formula_elements import FIRST_ELEMENT
from scitrain.chem.formula_features import element_properties
from scitrain.pretraining.corpus import Corpus
from scitrain.pretraining.lesson import hide
from scitrain.pretraining.network import Pretraining, batch_of
from scitrain.pretraining.objectives import ELEMENTS, IGNORED, element_of_tokens, frequent
from scitrain.pretraining.options import PretrainingOptions

__all__ = ["Accuracy", "masked_accuracy", "plane", "properties_of"]

JUDGED, DRAWN, BATCH = 20_000, 1_000, 256
FEWEST = 5
"""Hidden places from which an element has an accuracy of its own."""


@dataclass(frozen=True)
class Accuracy:
    """How often the hidden token was the likeliest one."""

    n: int
    accuracy: float
    low: float
    high: float
    commonest: float
    """The same of the most frequent token, whatever the rest of the row says."""
    top5: float
    by_element: dict[str, float]
    counts: dict[str, int]


def masked_accuracy(network: Pretraining, corpus: Corpus, options: PretrainingOptions) -> Accuracy:
    """Hide tokens of held-out rows as in training and ask for them; the interval is Wilson's, 95 %."""
    held = np.flatnonzero(corpus.held)[:JUDGED]
    replacements, generator = (
        frequent(corpus.rows[held], corpus.length),
        torch.Generator().manual_seed(options.seed + 1),
    )
    truth, ranks = [], []
    with torch.no_grad():
        for at in range(0, len(held), BATCH):
            rows = torch.from_numpy(np.asarray(corpus.rows[held[at : at + BATCH]])).long()
            hidden = hide(network, rows, options.mask, replacements, generator)
            asked = hidden.labels != IGNORED
            logits = network.tokens(network.states(batch_of(rows, "cpu"), hidden.ids)[asked])
            labels = hidden.labels[asked]
            truth.append(labels)
            ranks.append((logits > logits.gather(1, labels[:, None])).sum(1))
    return _accuracy(torch.cat(truth), torch.cat(ranks), corpus)


def _accuracy(truth: Tensor, ranks: Tensor, corpus: Corpus) -> Accuracy:
    right = (ranks == 0).numpy()
    names = _elements(corpus)
    counts = Counter(names[one] for one in truth.tolist() if one in names)
    hits = Counter(names[one] for one, hit in zip(truth.tolist(), right.tolist(), strict=True) if hit and one in names)
    low, high = wilson(int(right.sum()), len(right))
    return Accuracy(
        n=len(right),
        accuracy=float(right.mean()),
        low=low,
        high=high,
        commonest=max(Counter(truth.tolist()).values()) / len(truth),
        top5=float((ranks < 5).float().mean()),
        by_element={name: hits[name] / n for name, n in sorted(counts.items()) if n >= FEWEST},
        counts=dict(sorted(counts.items())),
    )


def wilson(hits: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share (1927, doi:10.1080/01621459.1927.10502953)."""
    share, spread = hits / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * (share * (1 - share) / n + spread / (4 * n)) ** 0.5 / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def _elements(corpus: Corpus) -> dict[int, str]:
    if corpus.notation == "smiles":
        return element_of_tokens()
    return {FIRST_ELEMENT + at: symbol for at, symbol in enumerate(element_properties()[1][:ELEMENTS])}


def plane(network: Pretraining, corpus: Corpus, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return held-out rows as points of a plane by t-SNE of their vectors, (n, 2), and which rows they are.

    Source: van der Maaten & Hinton 2008, JMLR 9, 2579.
    """
    from sklearn.manifold import TSNE

    held = np.flatnonzero(corpus.held)
    if len(held) > DRAWN:
        held = np.sort(np.random.default_rng(seed).choice(held, DRAWN, replace=False))
    vectors = []
    with torch.no_grad():
        for at in range(0, len(held), BATCH):
            rows = batch_of(torch.from_numpy(np.asarray(corpus.rows[held[at : at + BATCH]])), "cpu")
            vectors.append(network.vectors(rows).numpy())
    found = np.concatenate(vectors)
    found = (found - found.mean(0)) / (found.std(0) + 1e-6)
    perplexity = min(30.0, max(1.0, (len(held) - 1) / 3))
    at = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(found)
    return np.asarray(at), held


def properties_of(corpus: Corpus, held: np.ndarray, targets: tuple[str, ...]) -> tuple[np.ndarray, str]:
    """Return what colours the points, (n,), and its name: the first target, else electronegativity or the logarithm of P."""
    if targets and np.isfinite(corpus.labels[held, 0]).any():
        return corpus.labels[held, 0], targets[0]
    rows = np.asarray(corpus.rows[held]).astype(np.int64)
    if corpus.notation == "smiles":
        return _log_p(rows), "Wildman–Crippen log P"
    names, _, values = element_properties()
    ids, units = np.split(rows, 2, axis=1)
    negativity = values[(ids - FIRST_ELEMENT).clip(0, ELEMENTS - 1), names.index("electronegativity")]
    return (negativity * units).sum(1) / units.sum(1).clip(1), "mean electronegativity (Pauling)"


def _log_p(rows: np.ndarray) -> np.ndarray:
    from rdkit import Chem
    from rdkit.Chem.rdMolDescriptors import CalcCrippenDescriptors

    from scitrain.tokenizers import decode, smiles

    tokenizer = smiles()
    mols = [Chem.MolFromSmiles(decode(tokenizer, row[1:])) for row in rows.tolist()]
    return np.array([CalcCrippenDescriptors(mol)[0] if mol is not None else np.nan for mol in mols])
