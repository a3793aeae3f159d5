"""What a browser asks of a training: to begin one, what has come of it, and to do something.

Each answer has all that the stage shows of one set of weights; while nothing new is heard, a question waits for its answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from lstmviz import language
from lstmviz.language import _
from lstmviz.plot import stage as stages
from lstmviz.web import models, pictures, render, server, stage, trained, training, words
from lstmviz.web.lanes import NotDone
from lstmviz.web.pictures import Asked
from lstmviz.web.training import Training
from lstmviz.web.view import View

HEADER = "x-lstmviz-training"
"""No page of another site can send it without asking first: none can begin a training in its visitor's name."""
_LONGEST = 10.0  # seconds that a question waits
_TICK = 0.05
_NOT_KEPT = {"Cache-Control": "no-store"}


async def serve(request: Request) -> Response:
    """Begins (`begin`), tells (`look`) or does (`do`) something."""
    if not training.is_offered():
        return PlainTextResponse("This server trains no cells.", 404, _NOT_KEPT)
    if len(request.scope["query_string"]) > server.LONGEST_QUERY:
        return PlainTextResponse("No view of the page has so long an address.", 414, _NOT_KEPT)
    what = request.path_params["what"]
    if what == "look" and request.method == "GET":
        return await _look(request)
    if what not in ("begin", "do") or request.method != "POST":
        return PlainTextResponse("A training begins, is looked at, and does.", 404, _NOT_KEPT)
    if HEADER not in request.headers:
        return PlainTextResponse(f"Only the page itself asks for that, with {HEADER}.", 403, _NOT_KEPT)
    return await _begin(request) if what == "begin" else _do(request)


# --- To begin


async def _begin(request: Request) -> Response:
    """Begins; a page that was loaded anew may have to wait until what it left has ended."""
    query = dict(request.query_params)
    rate = words.read_number(query.pop("rate", "0"))
    asked = pictures.read("gates", query)
    if asked is None or rate is None:
        return PlainTextResponse("That is no view to train.", 400, _NOT_KEPT)
    view = trained.fitted(asked.view)
    over = time.monotonic() + training.UNSEEN + 2
    while True:
        try:
            return JSONResponse({"ticket": training.begin(view, _bound(rate)).ticket}, headers=_NOT_KEPT)
        except training.BusyError as error:
            if time.monotonic() > over or await request.is_disconnected():
                return JSONResponse({"problem": str(error)}, headers=_NOT_KEPT)
        except training.RefusedError as error:
            return JSONResponse({"problem": str(error)}, headers=_NOT_KEPT)
        await asyncio.sleep(_TICK)


def _bound(rate: float) -> float:
    low, high = training.RATES
    return min(max(rate, low), high) if rate else 0.0


# --- To do


def _do(request: Request) -> Response:
    found = training.find(request.query_params.get("ticket", ""))
    command = _read_command(request.query_params)
    if found is None or command is None:
        return Response(status_code=204, headers=_NOT_KEPT)
    if command["do"] == "leave":
        found.end()
    else:
        found.ask(command)
    return Response(status_code=204, headers=_NOT_KEPT)


def _read_command(query: Mapping[str, str]) -> dict[str, Any] | None:
    """What is asked for, as the process hears it; None where that is nothing that can be done."""
    what = query.get("do", "")
    if what in ("pause", "go_on", "stop", "reset", "leave"):
        return {"do": what}
    if what == "step":
        batches = words.read_whole(query.get("batches", "1"))
        return {"do": what, "batches": batches} if batches and 0 < batches <= training.MOST_BATCHES else None
    if what == "rate":
        rate = words.read_number(query.get("rate", ""))
        return {"do": what, "rate": _bound(rate)} if rate and rate > 0 else None
    return None


# --- To look


_GONE = {
    "state": "failed",
    "version": 0,
    "isOver": True,
    "problem": "",
    "measured": "",
    "curve": [],
    "part": 1,
}
"""What is told of a training that nobody knows any more."""


def _read_version(given: str) -> int:
    """The version that a browser has; before the first one where it has none."""
    version = words.read_whole(given)
    return -1 if version is None else version


async def _look(request: Request) -> Response:
    """What there is beyond a version; nothing where there is nothing new for a while."""
    query = request.query_params
    t, unit = (words.read_whole(query.get(name, "0")) for name in ("t", "unit"))
    if t is None or unit is None or min(t, unit) < 0:
        return PlainTextResponse("That is no step or unit.", 400, _NOT_KEPT)
    found = training.find(query.get("ticket", ""))
    if found is None:
        return Response(stages.pack(stages.Stage({}, []), training=_GONE), headers=_NOT_KEPT)
    found.look()
    after, over = _read_version(query.get("after", "")), time.monotonic() + _LONGEST
    while found.heard.version <= after and time.monotonic() < over:
        if await request.is_disconnected():
            break
        found.look()
        await asyncio.sleep(_TICK)
    if found.heard.version <= after:
        return Response(status_code=204, headers=_NOT_KEPT)
    try:
        return await server.make_quickly(request, lambda: _make(found, t, unit))
    except NotDone:
        return Response(status_code=204, headers=_NOT_KEPT)


def _make(found: Training, t: int, unit: int) -> bytes:
    """The stage of the weights that were heard last, and where the training is, all of one moment."""
    heard = found.heard
    with language.use(found.view.lang):
        told, made = _tell(heard), None
        if heard.model is not None:
            view = shown(found.view, heard.model)
            asked = Asked("gates", replace(view, engine=render.NUMPY), None, None, 0.0)
            more = {"training": told | {"of": pictures.name(replace(view, t=None, unit=None, gate=""))}}
            made = stage.Wanted("stage", asked, t, unit, "", more=more).make()
        return made or stages.pack(stages.Stage({}, []), training=told)


def shown(view: View, model: models.Model) -> View:
    """A view with the cell of a model that was trained from it."""
    (layer,) = model.cells
    return models.with_layer(replace(view, initial_weights=trained.drawn_as(view)), model, layer)


def _tell(heard: training.Heard) -> dict[str, Any]:
    """Where the training is, as the page reads it."""
    own = {name: value for name, value in heard.told.items() if name != "facts"}
    return {
        **own,
        "version": heard.version,
        "problem": heard.problem,
        "isOver": heard.is_over,
        "curve": heard.curve.tolist(),
        "part": training.size_part(int(heard.told.get("steps", 1))),
        "measured": say_measured(heard.model, heard.told) if heard.told["state"] == "ended" else "",
    }


def say_measured(model: models.Model | None, told: Mapping[str, Any]) -> str:
    """The held-out figure of what was trained, beside what needs no cell; "" where it was not measured."""
    example = trained.of_model(model) if model else None
    if example is None or "facts" not in told:
        return ""
    parts = [
        _("Batch {step:,} of {steps:,}.").format(step=told["step"], steps=told["steps"]),
        example.sentence,
    ]
    return " ".join(parts)
