"""The one folder that is written to, and the rule which files may be read."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scitrain.errors import PathNotAllowedError, ScitrainError, did_you_mean, listed

__all__ = ["DATA_ROOTS_VARIABLE", "ROOT_VARIABLE", "Workspace"]

ROOT_VARIABLE = "SCITRAIN_WORKSPACE"
DATA_ROOTS_VARIABLE = "SCITRAIN_DATA_ROOTS"


@dataclass(frozen=True)
class Workspace:
    """A folder with ``runs/`` and ``datasets/``, and the folders data may be read from."""

    root: Path
    """Everything scitrain writes lies below it."""
    data_roots: tuple[Path, ...] | None = None
    """Folders that may be read besides ``root``; None reads anywhere (a person at their own prompt)."""

    @classmethod
    def from_environment(cls, default: Path = Path("scitrain-workspace")) -> "Workspace":
        """Read ``SCITRAIN_WORKSPACE`` and ``SCITRAIN_DATA_ROOTS``; where the second is set, reading is confined."""
        root = Path(os.environ.get(ROOT_VARIABLE) or default).expanduser().resolve()
        roots = os.environ.get(DATA_ROOTS_VARIABLE)
        if roots is None:
            return cls(root)
        return cls(root, tuple(Path(path).expanduser().resolve() for path in roots.split(os.pathsep) if path))

    @property
    def runs(self) -> Path:
        """Folder of the run directories."""
        return self.root / "runs"

    @property
    def datasets(self) -> Path:
        """Folder of prepared data and cached representations."""
        return self.root / "datasets"

    def environment(self) -> dict[str, str]:
        """Return the variables that give a child process this same workspace."""
        roots = {} if self.data_roots is None else {DATA_ROOTS_VARIABLE: os.pathsep.join(map(str, self.data_roots))}
        return {ROOT_VARIABLE: str(self.root)} | roots

    def readable(self, path: str | Path) -> Path:
        """Resolve a path that a request named, links followed.

        A relative path is looked for below the current folder (only where reading is not confined), the workspace,
        then each data root.

        Raises:
            PathNotAllowedError: It leads out of the workspace and the data roots.
            ScitrainError: Nothing is there.
        """
        given = Path(path).expanduser()
        bases = (*(() if self.data_roots is not None else (Path.cwd(),)), self.root, *(self.data_roots or ()))
        tried = [given] if given.is_absolute() else [base / given for base in bases]
        allowed = [real for real in map(_real, tried) if self._allows(real)]
        for real in allowed:
            if real.exists():
                return real
        if len(allowed) < len(tried):
            folders = listed((self.root, *(self.data_roots or ())))
            raise PathNotAllowedError(
                f"{str(path)!r} lies outside the folders that may be read ({folders}); move the file there, "
                f"or start the server with --data-root FOLDER (or {DATA_ROOTS_VARIABLE})"
            )
        raise ScitrainError(f"no file or folder {str(path)!r}; looked at {listed(allowed)}; {_nearby(allowed)}")

    def writable(self, path: str | Path) -> Path:
        """Resolve a path below the workspace that may be written.

        Raises:
            PathNotAllowedError: It leads out of the workspace, or into the folders of runs and prepared data.
        """
        real = _real(self.root / path)
        if not real.is_relative_to(_real(self.root)):
            raise PathNotAllowedError(f"{str(path)!r} leads out of the workspace; give a path below it")
        for kept in (self.runs, self.datasets):
            if real.is_relative_to(_real(kept)):
                raise PathNotAllowedError(
                    f"{str(path)!r} lies in {kept.name}/, where the records are; give a path elsewhere in the workspace"
                )
        return real

    def _allows(self, real: Path) -> bool:
        bases = (self.root, *(self.data_roots or ()))
        return self.data_roots is None or any(real.is_relative_to(_real(base)) for base in bases)


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise PathNotAllowedError(f"{str(path)!r} is no usable path: {error}") from None


def _nearby(looked_at: Sequence[Path]) -> str:
    """Name a file with nearly that name, and what lies in the first folder that was looked into."""
    folders = dict.fromkeys(path.parent for path in looked_at)
    names = {folder: _shown(folder) for folder in folders}
    near = did_you_mean(looked_at[0].name, [name for held in names.values() for name in held])
    first = names[looked_at[0].parent]
    return near + (f"the first folder holds {listed(first)}" if first else "the first folder is empty or missing")


def _shown(folder: Path) -> list[str]:
    """Return the names in a folder, hidden ones left out; none where it cannot be read."""
    try:
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []
