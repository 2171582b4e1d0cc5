"""What a request says about its data; shared by every operation that reads some."""

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from scitrain.spec import Spec

__all__ = ["DataOptions", "DomainOptions", "SeriesOptions", "SplitOptions", "Task"]

Task = Literal["regression", "binary", "multiclass", "multilabel", "mixed"]
"""``mixed``: several targets of which some are numbers and some classes, or several with more than two classes."""
SplitKind = Literal["auto", "random", "stratified", "scaffold", "chemical_system", "cluster", "time", "column", "kfold"]


class SplitOptions(Spec):
    """How rows are divided into train, val and test."""

    explained_elsewhere: ClassVar[frozenset[str]] = frozenset({"val", "test", "folds", "grouped"})

    kind: SplitKind = "auto"
    """`auto`: scaffold (molecules), chemical_system (formulas), cluster (sequences), time (forecasts), stratified (classes), or random."""
    column: str | None = None
    """Column with fold numbers or the words train/val/test (kind `column`), or with the time (kind `time`)."""
    val: float = Field(0.1, gt=0, lt=0.5)
    """Share of rows for validation."""
    test: float = Field(0.1, gt=0, lt=0.5)
    """Share of rows for the test."""
    folds: int = Field(5, ge=2, le=20)
    """Number of folds (kind `kfold`)."""
    fold: int | None = Field(None, ge=0)
    """Fold that is the test (kinds `kfold`, `column` with numbers); null: each in turn, a run a fold, pooled."""
    grouped: bool = True
    """Folds keep scaffolds, chemical systems or clusters whole."""


class SeriesOptions(Spec):
    """A long table, one moment or place a row."""

    id: str | None = None
    """Column that tells series apart; null: all rows are one."""
    time: str | None = None
    """Column with the time, or the place on the axis."""
    horizon: int | None = Field(None, ge=1, le=1000)
    """Forecast so many next values of `target`."""
    window: int | None = Field(None, ge=2, le=100_000)
    """Values a forecast looks back on."""


class DomainOptions(Spec):
    """Which rows are the domain that a model is adapted to."""

    target_data: str | None = None
    """File of the target domain; labels in it only measure."""
    domain: str | None = None
    """Or the column of `data` with domains."""
    target_domain: str | None = None
    """Its value to adapt to; null: the one without labels."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.target_data is None) == (self.domain is None):
            raise ValueError(
                "say the target domain in one way: target_data, a second file, or domain, a column of data"
            )
        if self.target_domain is not None and self.domain is None:
            raise ValueError("target_domain is a value of the column that domain names; give domain too")
        return self


class DataOptions(Spec):
    """Which data, which columns, which rows."""

    data: str
    """Path of a CSV, TSV, Parquet, JSONL or SDF file or an image folder; or `builtin:NAME`."""
    auxiliary: str | None = None
    """A second file of the same inputs whose rows only train, such as computed values: name their column in `target` too."""
    target: str | list[str] | None = None
    """Column(s) to predict; several are learned together, missing labels masked. Null: the only sensible one."""
    inputs: str | list[str] | None = None
    """Column(s) to predict from. Null: found by modality."""
    modality: str = "auto"
    """`tabular`, `smiles`, `formula`, `image`, `series`, `sequence`, `text`, or `auto` (recognised from the values)."""
    task: Task | Literal["auto"] | dict[str, Task] = "auto"
    """What is predicted, or by target; `auto` reads it off the values. Numbers and classes together are `mixed`."""
    ignore: list[str] = []
    """Columns to leave out."""
    unit: str | dict[str, str] | None = None
    """Unit of the target (or by target name), such as `eV`; shown beside every number."""
    series: SeriesOptions | None = None
    """Long tables and forecasts."""
    split: SplitOptions = SplitOptions()
    """How rows are divided."""
    rows: Literal["auto", "drop", "fail", "impute"] = "auto"
    """Bad rows: `drop` and list them, `fail` on the first, `impute` missing cells of tables; `auto` imputes tables, else drops."""
    duplicates: Literal["merge", "keep", "drop_conflicts"] = "merge"
    """Rows with the same input: `merge` their labels (mean or majority), `keep` all in the same split, or drop those that disagree."""
    max_rows: int | None = Field(None, ge=10)
    """Use a random sample of at most this many rows."""
    seed: int = Field(42, ge=0, lt=2**32)
    """Seed of split, initialisation, shuffling and bootstrap."""

    @field_validator("split", mode="before")
    @classmethod
    def _kind_alone(cls, value: object) -> object:
        """Accept ``split="scaffold"`` for ``split={"kind": "scaffold"}``."""
        return {"kind": value} if isinstance(value, str) else value
