"""The page for hosts says what was measured, and names what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks import hosting
from lstmviz.web import metrics, server, settings  # noqa: F401  # the server's own figures are among the metrics

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "hosting.md").read_text()
KEPT = json.loads((ROOT / "benchmarks" / "hosting.json").read_text())


def test_the_tables_are_made_of_what_was_measured():
    assert hosting.fill(PAGE, KEPT) == PAGE, "python -m benchmarks.hosting --write"


def test_what_nobody_has_measured_says_so():
    (row,) = [line for line in hosting.write_measured(KEPT | {"held": {}}) if line.startswith("| 200 |")]
    assert hosting.NOT_YET in row


@pytest.mark.parametrize(
    ("people", "each", "wanted"), [(50, 0.0, "1 server"), (100, 6.0, "1 server"), (101, 6.0, "2 servers")]
)
def test_a_server_is_counted_on_for_a_part_of_a_core(people, each, wanted):
    assert hosting.servers(people, each) == wanted


def test_every_variable_that_a_host_is_told_to_set_is_there():
    named = set(re.findall(r"LSTMVIZ_[A-Z_]+", PAGE))
    nginx = set(
        re.findall(r"^# (LSTMVIZ_\w+)", (ROOT / "deploy/nginx/configure.sh").read_text(), re.MULTILINE)
    )
    assert named <= set(settings.SETTINGS) | nginx and "LSTMVIZ_UPLOAD" in named
    for name, value in re.findall(r"(LSTMVIZ_MAX_\w+|LSTMVIZ_ROOM_\w+)=(\d+)`", PAGE):
        assert 0 < int(value) <= int(settings.SETTINGS[name].default), "tighter than for a desk"


def test_every_figure_that_a_host_is_told_to_look_at_is_there():
    from lstmviz.web import render  # noqa: F401  # has figures of its own

    told = metrics.text().decode()
    for name in re.findall(r"`(lstmviz_\w+|process_\w+)`", PAGE):
        assert re.search(rf"^# TYPE {name.removesuffix('_total')} ", told, re.MULTILINE) or name in {
            "lstmviz_rooms",  # from a server's start on, tests/web/test_rooms_served.py
            "lstmviz_room_followers",
        }
