"""What the environment sets of a server, and a start that a wrong value ends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lstmviz as lv
from lstmviz.web import kinds, limits, settings
from lstmviz.web.settings import SETTINGS, SettingError
from tests.kinds_of_ones_own import FILED, SOURCE, apart

_NUMBERS = [setting.name for setting in SETTINGS.values() if setting.unit]
_CALLED = {
    "LSTMVIZ_TRAIN": "MAX_TRAININGS",
    "LSTMVIZ_TRAIN_SECONDS": "MAX_TRAINING_SECONDS",
    "LSTMVIZ_TRAIN_MEMORY": "MAX_TRAINING_MEMORY",
}
_README = Path(__file__).parent.parent.parent / "README.md"


@pytest.mark.parametrize("name", _NUMBERS)
def test_a_bound_is_a_whole_number_from_its_least_one_on(name):
    least = SETTINGS[name].least
    assert settings.read_number(name, {name: str(least)}) == least
    assert settings.read_number(name, {}) == SETTINGS[name].default
    assert settings.read_number(name, {name: " 1_000 "}) == 1000
    for wrong in ("-1", *(["0"] if least else []), "many", "1e6", "٣", "9" * 16, "9" * 5000):
        with pytest.raises(
            SettingError, match=rf"{name} is .*; it must be a whole number of \w+ from {least}"
        ):
            settings.read_number(name, {name: wrong})


def test_the_largest_bounds_are_ones_that_a_control_can_have():
    largest = settings.read_number("LSTMVIZ_MAX_MODEL", {"LSTMVIZ_MAX_MODEL": "9" * 15})
    assert largest < 2**53, "a browser counts in float64"
    assert largest // 2**20 < 2**31, "an uploader is told megabytes in 32 bits"


@pytest.mark.parametrize("name", list(SETTINGS))
def test_a_wrong_value_ends_the_start_with_one_sentence(name):
    with pytest.raises(SystemExit) as ended:
        settings.check({name: "a, b"})
    assert str(ended.value).startswith(f"{name} is 'a, b'; it must be ") and "\n" not in str(ended.value)
    assert ended.value.code, "anything but 0 and nothing"


def test_kinds_of_ones_own_are_declared_by_a_file_that_is_there(tmp_path, monkeypatch):
    file = tmp_path / "kinds.py"
    assert settings.read_kinds({}) == settings.read_kinds({"LSTMVIZ_KINDS": "none"}) == ""
    with pytest.raises(
        SettingError, match=r"it must be a Python file that declares kinds of cell with @lv.kind"
    ):
        settings.read_kinds({"LSTMVIZ_KINDS": str(file)})
    file.write_text(SOURCE)
    monkeypatch.setenv("LSTMVIZ_KINDS", str(file))
    with apart():
        kinds.declare_own()
        assert not lv.KINDS["MinimalGRU"].is_ours and kinds.ordered()[-1] in FILED
    file.write_text("1 / 0")
    with pytest.raises(SystemExit, match="ends with an error: ZeroDivisionError"):
        kinds.declare_own()


def test_a_name_that_is_none_of_ours_is_warned_of(capsys):
    settings.check({"LSTMVIZ_MAX_WEIGHT": "5", "PATH": "/", "LSTMVIZ_OTHER": "x"})
    said = capsys.readouterr().err.splitlines()
    assert said[0] == (
        "LSTMVIZ_MAX_WEIGHT is no setting of lstmviz and changes nothing; did you mean LSTMVIZ_MAX_WEIGHTS?"
    )
    assert len(said) == 2 and said[1].startswith("LSTMVIZ_OTHER is no setting")


def test_the_readme_lists_every_setting_with_its_default_and_unit():
    rows = re.findall(r"^\| `(LSTMVIZ_\w+)` \| `(.*?)` \| (.*?) \|", _README.read_text(), re.MULTILINE)
    told = {name: (default.replace(",", ""), meaning) for name, default, meaning in rows}
    assert set(told) == set(SETTINGS) and len(rows) == len(told)
    for name, setting in SETTINGS.items():
        default, meaning = told[name]
        assert default == str(setting.default)
        assert meaning == " ".join(filter(None, (setting.unit, setting.meaning)))


def test_every_number_of_the_settings_bounds_something():
    for name in _NUMBERS:
        bound = _CALLED.get(name, name.removeprefix(settings.PREFIX))
        assert getattr(limits, bound) == SETTINGS[name].default
