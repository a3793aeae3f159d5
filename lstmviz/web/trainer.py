"""Training as the page's script knows it: what is offered beside a view, and what becomes of a cell that was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lstmviz.cells import KINDS
from lstmviz.language import _
from lstmviz.web import models, trained, training, training_routes
from lstmviz.web.view import View

_ASKED = "training"  # what a browser sets: a ticket, or that the cell is to be left
_LEAVE = "leave"
_FIXED = frozenset(
    {"initial_weights", "seed"}
)  # where a link holds or hides one of them, its weights are what it shows


def offer(view: View) -> dict[str, Any] | None:
    """What the stage is told of training; None where nothing is to be offered, nor said of what was trained."""
    model = models.find(view.model) if view.model else None
    example = trained.of_model(model) if model else None
    if example is not None:
        return {"why": "", "kept": _say_kept(model), "words": _words()}
    if _FIXED.intersection((*view.hide, *view.lock)):
        return None
    if view.model or not training.is_offered() or not training.can_follow(view):
        return None
    return {"why": training.tell_why_not(view), "kept": "", "words": _words()}


def _say_kept(model: models.Model | None) -> str:
    example = trained.of_model(model) if model else None
    measured = (
        training_routes.say_measured(model, {**example.facts, "facts": example.facts}) if example else ""
    )
    stays = _("Trained here: it stays in this session, and no link takes it along.")
    return f"{stays} {measured}".strip()


def is_asked(given: Mapping[str, str]) -> bool:
    """Whether a browser asks for something of a training."""
    return _ASKED in given


def obey(view: View, given: Mapping[str, str]) -> View:
    """The view with the cell that was trained, or without it again; as it was, where the training is not known any more."""
    if given[_ASKED] == _LEAVE:
        return _leave(view)
    found = training.find(given[_ASKED])
    if found is None or found.heard.model is None:
        return view
    models.take(found.heard.model)
    return training_routes.shown(view, found.heard.model)


def _leave(view: View) -> View:
    """The view with the page's own cell of the same kind and size."""
    if not trained.is_made_here(view):
        return view
    models.put_away()
    usual = tuple((option.name, option.default) for option in KINDS[view.cell].options)
    own = replace(view, model="", layer="", options=usual, initial_weights=trained.TRAINED)
    return own if trained.base(own) else replace(own, initial_weights=trained.drawn_as(own))


def _words() -> dict[str, str]:
    return {
        "train": _("Train it here"),
        "train_help": _(
            "A fresh cell of this kind and size is trained on this task, in a process of its own on the server."
        ),
        "row": _("Training"),
        "state_starting": _("starting"),
        "state_compiling": _("compiling"),
        "state_running": _("training"),
        "state_paused": _("paused"),
        "state_measuring": _("measuring"),
        "state_ended": _("trained"),
        "state_diverged": _("ended"),
        "state_failed": _("ended"),
        "where": _("epoch {epoch} of {epochs}, batch {step} of {steps}"),
        "loss": _("loss {loss}"),
        "losses": _("The loss, a point for each {part} batches: {first} at first, {last} now."),
        "pause": _("Pause"),
        "go_on": _("Continue"),
        "batch": _("One batch"),
        "epoch": _("One epoch"),
        "rate": _("learning rate"),
        "reset": _("Reset"),
        "stop": _("Stop"),
        "close": _("Close"),
        "back": _("Back to the page's own cells"),
        "lost": _("The training is not to be reached any more."),
        "left": _(
            "The training of the {cell} with num_units = {units} ended with this change, and what it had learnt is gone. "
            "“Train it "
            "here” begins another."
        ),
    }
