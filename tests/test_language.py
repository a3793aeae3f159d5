"""Every text a person may see has a translation."""

from __future__ import annotations

import ast
import re
import string
import threading
from pathlib import Path

import numpy as np
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import lstmviz
from lstmviz import language

_PACKAGE = Path(lstmviz.__file__).parent
_OTHERS = [name for name in language.LANGUAGES if name != "en"]


def _sources() -> set[str]:
    found = extract_from_dir(_PACKAGE, method_map=[("**.py", "python")], keywords={"_": None, "_mark": None})
    return {message for _file, _line, message, _comments, _context in found}


def _catalogue(name: str) -> Catalog:
    with (_PACKAGE / "locale" / name / "LC_MESSAGES" / "lstmviz.po").open("rb") as source:
        return read_po(source, locale=name)


def _fields(text: str) -> set[str]:
    return {field for _text, field, _spec, _conversion in string.Formatter().parse(text) if field is not None}


def test_the_texts_of_the_page_are_found():
    assert len(_sources()) > 100


def test_no_text_hides_in_an_f_string_where_it_would_not_be_found():
    hidden = [
        f"{path.name}:{node.lineno}"
        for path in _PACKAGE.rglob("*.py")
        for text in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(text, ast.JoinedStr)
        for node in ast.walk(text)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "_"
        and isinstance(node.args[0], ast.Constant)
    ]
    assert hidden == []


@pytest.mark.parametrize("name", _OTHERS)
def test_every_text_has_a_translation_and_none_is_left_over(name):
    translated = {
        message.id for message in _catalogue(name) if message.id and message.string and not message.fuzzy
    }
    sources = _sources()
    assert sources - translated == set(), "texts without a translation"
    assert translated - sources == set(), "translations of texts that are gone"


@pytest.mark.parametrize("name", _OTHERS)
def test_translations_keep_the_placeholders_and_the_code(name):
    for message in _catalogue(name):
        if not message.id:
            continue
        if "{" in message.id and "$" not in message.id:
            assert _fields(message.string) == _fields(message.id), message.id
        assert message.string.count("`") == message.id.count("`"), message.id
        assert message.string.count("**") % 2 == 0, message.id


@pytest.mark.parametrize("name", _OTHERS)
def test_translations_are_no_copies_of_the_english(name):
    copies = [m.id for m in _catalogue(name) if m.id == m.string and " " in m.id]
    assert copies == []


def test_what_there_is_one_of_stands_in_the_singular_with_its_verb():
    say = language._
    assert (
        say("{kind}: {steps} steps × {units} units").format(kind="GRUCell", steps=1, units=2)
        == "GRUCell: 1 step × 2 units"
    )
    assert (
        say("{kind}: {steps} steps × {units} units").format(kind="1", steps=12, units=np.int64(1))
        == "1: 12 steps × 1 unit"
    )
    assert say("mean of {rows} × {columns} values").format(rows=3, columns=1) == "mean of 3 × 1 values"
    passed = say("{count:,} steps are passed over, for their features are all {value:g}: masked.")
    assert passed.format(count=1, value=1) == "1 step is passed over, for their features are all 1: masked."
    assert passed.format(count=2000, value=1).startswith("2,000 steps are")
    with language.use("ja"):
        assert "1" in say("{count:,} parameters").format(count=1)


def test_every_noun_that_a_text_counts_has_a_singular():
    known = {*language.NOUNS, "is", "has", "was", "does", "as", "ms", "times"}
    verbs = {
        *(
            "stores",
            "holds",
            "takes",
            "says",
            "keeps",
            "starts",
            "stands",
            "needs",
            "multiplies",
            "computes",
            "meets",
        ),
        *("makes", "lists", "goes", "gives", "ends", "counts", "comes", "changes", "calls", "adds"),
    }
    counted = {
        word for text in _sources() for word in re.findall(r"\{\w+(?:[:!][^{}]*)?\} ([a-z]+s)\b", text)
    }
    assert counted - known - verbs == set(), "nouns for language.NOUNS, or verbs for this list"


def test_two_threads_can_speak_two_languages_at_once():
    message = "The language switch is tested with this sentence."
    spoken = {}

    def speak(name: str) -> None:
        with language.use(name):
            barrier.wait()
            spoken[name] = (language.current(), language._(message))

    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=speak, args=(name,)) for name in ("en", "ja")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spoken == {"en": ("en", message), "ja": ("ja", message)}


def test_a_language_that_is_not_there_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'xx'.*en, ja"), language.use("xx"):
        pass
