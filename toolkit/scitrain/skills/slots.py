"""What a request names outright: files, runs, structures, columns, numbers. Patterns alone; nothing is opened here."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import JsonValue

from scitrain.runs import RUN_ID

__all__ = ["Named", "Slots", "read_slots"]

ENDINGS = r"csv|tsv|tab|txt|dat|parquet|pq|jsonl|ndjson|sdf|sd|xlsx|xls|ods"
"""Workbooks among them: what reads the file says how to save it."""
FILE = re.compile(rf"(?:[A-Za-z]:)?[\w~./\\-]*\w\.(?:{ENDINGS})(?:\.gz)?(?![A-Za-z0-9])", re.IGNORECASE | re.ASCII)
QUOTED_FILE = re.compile(rf"[\"'`「『]([^\"'`」』]+\.(?:{ENDINGS})(?:\.gz)?)[\"'`」』]", re.IGNORECASE)
BUILTIN = re.compile(r"builtin:[a-z0-9-]+")
FOLDER = re.compile(r"(?<![\w./~:])(?:~?/|\.{1,2}/)?[\w.-]+/(?:[\w.-]+/?)*(?![\w.])", re.ASCII)
NO_FOLDER = (
    r"(?!(?:of|with|full|containing|holding|that|which|where|sorted|and|or|to|for|is|are|on|in|into|by|as|per|from|the|my|our|a|an|this|"
    r"images?)\b)"
)
"""Little words that may stand beside *folder* and name none."""
FOLDER_WORD = re.compile(
    rf"(?:folder|directory)\s+(?:called\s+|named\s+)?[\"'`]?{NO_FOLDER}([\w./-]+)|"
    rf"\b(?:in|of|from)\s+(?:the\s+|my\s+)?[\"'`]?{NO_FOLDER}([\w./-]+)[\"'`]?\s+(?:folder|directory)|"
    r"([A-Za-z0-9_./-]+)\s*(?:フォルダ|ディレクトリ)|"
    r"(?:フォルダ|ディレクトリ)[\s「\"'`]+([A-Za-z0-9_./-]*(?-i:[a-z_/])[A-Za-z0-9_./-]*)",
    re.IGNORECASE | re.ASCII,
)
OUTPUT = re.compile(
    r"(?:\bto|\binto|\bas|->|→)\s+[\"'`]?$|^[\"'`」』]?\s*(?:に|へ)(?:\s*(?:保存|書|出力|書き))", re.IGNORECASE
)
ATOM = r"Br|Cl|[BCNOPSFI]|[bcnops]"
SMILES = re.compile(rf"(?:(?:{ATOM}|\[[A-Za-z0-9@+\-:*]+\]|[=#$:/\\().\-]|%\d\d|\d))+")
FORMULA = re.compile(r"(?:[A-Z][a-z]?\d*(?:\.\d+)?|[()·]\d*(?:\.\d+)?)+")
ELEMENTS = frozenset(
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh "
    "Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Th U".split()
)
ACRONYMS = frozenset(
    "CNN RNN CPU GPU ONNX OK NO ON IN IF IS OF I A AI CV CSV PC PCs NN SOC IC BO CI CO ICP SI OS".split()
)
TOKEN = re.compile(r"[^\s、。,;「」『』\"'`?!？！]+")
IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_.\-]*"
QUOTED = r"[\"'`「『]([^\"'`」』]{1,80})[\"'`」』]"
TARGET_LABELLED = re.compile(
    rf"(?:\btarget(?:\s+(?:column|variable|property))?|\blabel\s+column|目的変数|目的変量|ターゲット|予測対象|ラベル列)(?:列|カラム)?"
    rf"\s*(?:is|as|=|:|:|は|が|を|に)?\s*(?:the\s+)?(?:column\s+)?(?:{QUOTED}|({IDENTIFIER}))",
    re.IGNORECASE,
)
TARGET_AS = re.compile(
    rf"(?:{QUOTED}|(?<![A-Za-z0-9_.])({IDENTIFIER}))\s*(?:列|カラム|column)?\s*(?:as\s+(?:the\s+)?(?:target|label)|を\s*(?:目的変数|ターゲット|予測|当て|回帰|分類))",
    re.IGNORECASE,
)
TARGET_COLUMN = re.compile(
    rf"(?:\bcolumn\s+(?:{QUOTED}|({IDENTIFIER}))|(?:{QUOTED}|({IDENTIFIER}))\s*(?:\s+column\b|列|カラム))",
    re.IGNORECASE,
)
TARGET_PREDICTED = re.compile(rf"\bpredict(?:s|ing)?\s+(?:the\s+)?(?:{QUOTED}|({IDENTIFIER}))", re.IGNORECASE)
NOT_A_COLUMN = frozenset(
    "a an the is as of in on for with from by target column columns label this that it its my our your which what each one same new "
    "other test val fold split data smiles and or to be should would".split()
)
READ = 2_000
"""Characters of a request that are read: who says what he wants needs no more, and patterns take their time."""
NUMBER = r"(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"


class Named(NamedTuple):
    """Something named, and where."""

    value: str
    at: int


@dataclass(frozen=True)
class Slots:
    """What the request names."""

    text: str
    """The request in its compatibility form."""
    blank: str = ""
    """The same with blanks where files and runs are named, whose names say nothing of what is wanted."""
    files: tuple[Named, ...] = ()
    """Data files, folders and built-in sets, in order; without `output`."""
    output: str | None = None
    run_ids: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    """SMILES and formulas."""
    targets: tuple[str, ...] = ()
    """Columns that are called the target."""
    columns: tuple[str, ...] = ()
    """Words that may be columns: right only where the file has such a column, or they look like no plain word."""
    options: dict[str, JsonValue] = field(default_factory=dict)
    """Arguments with a number, such as ``epochs``."""


def _minutes(match: re.Match[str]) -> JsonValue:
    per = {"h": 60.0, "時": 60.0, "s": 1 / 60, "秒": 1 / 60}
    return float(match[1]) * per.get(match[2][0].lower(), 1.0)


def _int(match: re.Match[str]) -> JsonValue:
    return int(float(next(group for group in match.groups() if group).replace(",", "")))


def _float(match: re.Match[str]) -> JsonValue:
    return float(next(group for group in match.groups() if group))


def _share(match: re.Match[str]) -> JsonValue:
    value = float(next(group for group in match.groups() if group))
    return value / 100 if value > 1 else value


def _word(match: re.Match[str]) -> JsonValue:
    return next(group for group in match.groups() if group)


OPTIONS: dict[str, tuple[str, Callable[[re.Match[str]], JsonValue]]] = {
    "epochs": (r"(\d+)\s*(?:epochs?\b|エポック)|\b(?:epochs?|エポック数?)\s*(?:=|:|は|を)?\s*(\d+)", _int),
    "max_minutes": (
        rf"(?:within|at most|under|than|for|up to|limit of|\bin)\s+(?:about\s+)?{NUMBER}\s*(min|h(?:ours?|r)|s(?:ec|econds?)\b)",
        _minutes,
    ),
    "max_minutes ": (rf"{NUMBER}\s*(分|時間|秒)\s*(?:以内|まで|で|だけ)", _minutes),
    "batch_size": (r"(?:batch[ _-]?size|バッチ(?:サイズ)?)\s*(?:of|=|:|は|を)?\s*(\d+)", _int),
    "learning_rate": (rf"(?:learning[ _-]?rate|学習率|\blr\b)\s*(?:of|=|:|は|を)?\s*{NUMBER}", _float),
    "patience": (r"patience\s*(?:of|=|:|は|を)?\s*(\d+)", _int),
    "n_trials": (
        r"(\d+)\s*(?:trials?\b|variants?\b|configurations?\b|(?:回|通り)(?:の)?(?:試行|探索|試))|\bn_trials\s*=?\s*(\d+)|試行(?:回数)?\s*(\d+)",
        _int,
    ),
    "seed": (r"(?:\bseed|シード)\s*(?:of|=|:|は|を)?\s*(\d+)", _int),
    "max_rows": (r"(?:max_rows\s*=?\s*|(?:at most|only)\s+)(\d+)\s*rows", _int),
    "ensemble": (
        r"(?:ensembles?|アンサンブル)\s*(?:of|=|:|は|を)?\s*(\d+)|(\d+)\s*(?:members\b|networks\b|-?\s*(?:model|member|network)\s+ensemble|(?:個|つ)の(?:アンサンブル|モデル|ネット))",
        _int,
    ),
    "coverage": (
        rf"{NUMBER}\s*%\s*(?:-?\s*(?:prediction|confidence|coverage|conformal|interval)|の?(?:信頼|予測)?区間|の?信頼|カバ)|\bcoverage\s*(?:of|=|:)?\s*{NUMBER}",
        _share,
    ),
    "folds": (r"(\d+)\s*-?\s*(?:folds?\b|分割(?:交差|クロス)|(?:フォールド))", _int),
    "n": (
        r"\b(?:generate|draw|sample|propose|suggest|invent)\s+(?:me\s+|about\s+)*(\d[\d,]*)\b|(\d[\d,]*)\s*(?:個|種類|件|分子)[^。\d]{0,20}(?:生成|提案|サンプ)",
        _int,
    ),
    "top_p": (rf"\btop[ _-]?p\s*(?:of|=|:|は|を|が)?\s*{NUMBER}", _float),
    "top_k": (r"\btop[ _-]?k\s*(?:of|=|:|は|を|が)?\s*(\d+)", _int),
    "temperature": (
        rf"(?:\btemperature|温度)\s*(?:of|=|:|は|を|が)?\s*{NUMBER}(?!\s*(?:K\b|°|℃|度|C\b|kelvin|celsius))",
        _float,
    ),
    "guidance": (rf"(?:\bguidance(?:\s+(?:weight|scale))?|ガイダンス)\s*(?:of|=|:|は|を|が)?\s*{NUMBER}", _float),
    "to_label": (
        r"\b(\d+)\s+(?:[\w.]+\s+){1,7}?(?:label|measure)\b|(?:label|measure|次に)[^。.]{0,20}?(\d+)\s*(?:行|件|個|rows|molecules|samples)",
        _int,
    ),
    "unit": (r"(?:\bunits?\s*(?:is|are|=|:|of)?|単位は?)\s*[「\"'`]?([A-Za-zµμÅ°Ω%][\w/^·²³⁻⁰-₉()\-*.]*)", _word),
    "family_name": (
        r"\b(resnet(?:18|26|34|50|101|152)\w*|convnext\w*_\w+|efficientnet\w*_\w+|vit_\w+|mobilenet\w*_\w+|densenet\d+\w*|swin\w*_\w+|regnet\w+_\w+)\b",
        _word,
    ),
}


def read_slots(request: str) -> Slots:
    """Read what ``request`` names."""
    text = unicodedata.normalize("NFKC", request[:READ])
    run_ids = tuple(dict.fromkeys(RUN_ID.findall(text)))
    plain = RUN_ID.sub(lambda match: " " * len(match[0]), text)
    files, output = _files(plain)
    blank = _without(plain, [named.value for named in files] + ([output] if output else []))
    options = {
        name.strip(): read(match)
        for name, (p, read) in OPTIONS.items()
        if (match := re.search(p, blank, re.IGNORECASE))
    }
    return Slots(
        text=text,
        blank=blank,
        files=files,
        output=output,
        run_ids=run_ids,
        inputs=_structures(blank),
        targets=_names(blank, TARGET_LABELLED, TARGET_AS),
        columns=_names(blank, TARGET_COLUMN, TARGET_PREDICTED),
        options=options,
    )


def _without(text: str, words: list[str]) -> str:
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, " " * len(word))
    return text


def _files(text: str) -> tuple[tuple[Named, ...], str | None]:
    """Return the files that are read, in order, and the one that is written."""
    found = {match.start(1): match[1] for match in QUOTED_FILE.finditer(text)}
    rest = _without(text, list(found.values()))
    for pattern in (BUILTIN, FILE):
        found |= {match.start(): match[0] for match in pattern.finditer(rest)}
    rest = _without(rest, list(found.values()))
    for match in FOLDER_WORD.finditer(rest):
        name = _word(match)
        found[match.start()] = str(name)
    if len(found) == 0:
        found = {
            m.start(): m[0]
            for m in FOLDER.finditer(rest)
            if m[0].startswith(("/", "./", "../", "~/")) or m[0].endswith("/")
        }
    named = [Named(value, at) for at, value in sorted(found.items())]
    written = [one for one in named if _is_output(text, one)]
    output = written[0].value if written and written[0].value.lower().endswith((".csv", ".parquet")) else None
    return tuple(one for one in named if one.value != output), output


def _is_output(text: str, named: Named) -> bool:
    before, after = text[: named.at], text[named.at + len(named.value) :]
    return bool(
        OUTPUT.search(before[-12:].lstrip())
        and re.search(r"\b(?:save|write|store|output|put|predictions?)\b", before, re.IGNORECASE)
    ) or bool(OUTPUT.match(after[:12]))


def _names(text: str, *patterns: re.Pattern[str]) -> tuple[str, ...]:
    said = [
        str(_word(match)).rstrip(".") for pattern in patterns for match in pattern.finditer(text) if any(match.groups())
    ]
    return tuple(dict.fromkeys(name for name in said if name.lower() not in NOT_A_COLUMN))


def _structures(text: str) -> tuple[str, ...]:
    """Return the words that can only be read as SMILES or formulas."""
    found = (word for match in TOKEN.finditer(text) for word in _pieces(match[0]))
    return tuple(dict.fromkeys(word for word in found if _is_smiles(word) or _is_formula(word)))


def _pieces(token: str) -> list[str]:
    """Split Japanese text from what is written between it, and take the full stop off."""
    return [piece.rstrip(".:") for piece in re.split(r"[ぁ-ゖァ-ヺー㐀-鿿]+", token) if piece.rstrip(".:")]


def _is_smiles(word: str) -> bool:
    if len(word) < 2 or word in ACRONYMS or not SMILES.fullmatch(word) or not re.search(r"[A-Zcnos]", word):
        return False
    bare = re.sub(r"\[[^\]]*\]", "*", word)
    digits = re.findall(r"%\d\d|\d", bare)
    paired = all(digits.count(digit) % 2 == 0 for digit in set(digits)) and bare.count("(") == bare.count(")")
    aromatic = bool(re.search(r"[bcnops]", bare.replace("Cl", "").replace("Br", "")))
    return paired and bool(re.match(r"[A-Za-z\[(*]", bare)) and bool(digits or not aromatic) and bare[0] not in "()=#."


def _is_formula(word: str) -> bool:
    if not FORMULA.fullmatch(word) or word in ACRONYMS:
        return False
    symbols = re.findall(r"[A-Z][a-z]?", word)
    known = all(symbol in ELEMENTS for symbol in symbols)
    telling = bool(re.search(r"\d", word)) or any(len(symbol) == 2 for symbol in symbols)
    return known and len(set(symbols)) >= 2 and telling
