import os
import sys
from types import SimpleNamespace

import pytest

from scitrain import discovery
from scitrain.discovery import PLUGINS_VARIABLE, load_plugins, plugins


class Base:
    pass


class First(Base):
    pass


class Second(First):
    pass


def test_subclasses_are_found_at_any_depth_and_abstract_ones_left_out():
    Second.__abstractmethods__ = frozenset({"build"})  # type: ignore[attr-defined]
    assert plugins(Base) == [First]


def test_a_file_named_by_the_variable_is_loaded_once(tmp_path, monkeypatch):
    file = tmp_path / "extra_plugin.py"
    file.write_text("import sys\nsys.counted = getattr(sys, 'counted', 0) + 1\n")
    monkeypatch.setenv("SCITRAIN_PLUGINS", str(file))
    monkeypatch.setattr(sys, "counted", 0, raising=False)
    try:
        load_plugins("scitrain.executors")
        load_plugins("scitrain.operations")
        assert sys.counted == 1  # type: ignore[attr-defined]
    finally:
        sys.modules.pop("scitrain_plugin_extra_plugin", None)


def test_a_module_named_by_the_variable_is_imported(monkeypatch):
    monkeypatch.setenv("SCITRAIN_PLUGINS", "a_module_that_is_not_there")
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
        load_plugins("scitrain.executors")


def test_entry_points_of_other_distributions_are_loaded(monkeypatch):
    asked = []
    point = SimpleNamespace(load=lambda: asked.append("loaded"))
    registered = SimpleNamespace(select=lambda group: asked.append(group) or [point])
    monkeypatch.setattr(discovery, "_registered", lambda: registered)
    load_plugins("scitrain.executors")
    assert asked == ["scitrain.executors", "loaded"]


def test_files_of_one_name_in_two_folders_are_two_plug_ins(tmp_path, monkeypatch):
    files = []
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        files.append(tmp_path / folder / "twins.py")
        files[-1].write_text(f"WHERE = {folder!r}")
    monkeypatch.setenv(PLUGINS_VARIABLE, os.pathsep.join(map(str, files)))
    load_plugins("scitrain.executors")
    load_plugins("scitrain.executors")
    found = {m.WHERE for name, m in sys.modules.items() if name.startswith("scitrain_plugin_twins")}
    assert found == {"first", "second"}


def test_a_plug_in_that_fails_is_not_taken_for_loaded(tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("raise ValueError('on purpose')")
    monkeypatch.setenv(PLUGINS_VARIABLE, str(tmp_path / "broken.py"))
    for _ in range(2):
        with pytest.raises(ValueError, match="on purpose"):
            load_plugins("scitrain.executors")
