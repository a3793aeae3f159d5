"""What the browser is told of rooms and of presenting: the words, and where this viewer stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lstmviz.language import _


def tell(room: str, follows: bool, followed: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the browser is told of the room that its viewer has come to; None where to none.

    Args:
        room: Its name.
        follows: Whether the viewer is shown what the presenter shows.
        followed: What the browser told last: its `turn`, counted by it, and the number of the presenter's move that was `heard`.
    """
    if not room:
        return None
    return {
        "name": room,
        "follows": follows,
        "turn": followed.get("turn", 0),
        "heard": followed.get("heard", -1),
        "words": _follower_words(),
    }


def _follower_words() -> dict[str, str]:
    return {
        "follows": _("You see what the presenter shows."),
        "away": _("You look around on your own."),
        "back": _("Back to the presenter"),
        "waits": _("The presenter has shown nothing yet."),
        "own": _(
            "The presenter shows a file of their own, which is not shared; here stays what was shown before."
        ),
        "elsewhere": _("The presenter is on another part of the page; what was shown before stays here."),
        "lost": _("The room does not answer; it is asked again."),
        "over": _("The room is over. What you see stays."),
        "gone": _("There is no such room; it may be over, or on another server."),
        "crowded": _("This room is full."),
        "slower": _("Too many tries from here; the room is asked again in a while."),
        "code_ask": _("I present too"),
        "code_give": _("Code from the presenter's other device"),
        "code_go": _("Present"),
        "code": _("This is not the code, or it is good no more."),
    }


def share() -> dict[str, str]:
    """What whoever can open a room reads."""
    return {
        "share": _("Share with the room"),
        "close": _("Close"),
        "intro": _(
            "Everybody who opens the link sees what you show: the setting, what is pinned, the step and the play, each in "
            "their own language, theme and size. Nothing of them is shown to you but how many they are."
        ),
        "open": _("Open a room"),
        "link": _("The room's link"),
        "qr": _("The room's link as a QR code"),
        "copy": _("Copy"),
        "copied": _("copied"),
        "people": _("Followers: {count}"),
        "alone": _(
            "This room lives on this one server: where several serve the page, who comes to another does not find it, and "
            "it ends with the server."
        ),
        "device": _("Present from a second device"),
        "code": _(
            "Open the room's link there, choose “I present too”, and type {code}; good once, for two minutes. Whoever types it "
            "first presents: keep it off the projector."
        ),
        "end": _("End the room"),
        "other": _("Another of your devices presents now."),
        "take": _("Take over"),
        "lost": _("The room does not answer; it is asked again. What you show meanwhile it sees afterwards."),
        "over": _("The room is over."),
        "gone": _("The room is over."),
        "full": _("There are as many rooms as this server has; try again later."),
        "slower": _("Too many rooms from here; try again in some minutes."),
        "devices": _("This room has been handed to as many devices as it can be."),
        "own": _("A file of your own is not shared: the room still sees what you showed before."),
        "unseen": _("The room cannot be shown this setting."),
    }


def present() -> dict[str, str]:
    """What a presenter reads, on the screen and beside it."""
    return {
        "keys": _("Keys"),
        "next": _("next step"),
        "back": _("previous step"),
        "space": _("space bar"),
        "play": _("play, pause"),
        "move": _("one step of time back, on"),
        "more": _("one unit more, fewer"),
        "dark": _("dark, light"),
        "screen": _("full screen"),
        "notes": _("notes, in a second window"),
        "share": _("share with the room"),
        "help": _("this help"),
        "leave": _("back to the page"),
        "full": _("Full screen"),
        "notes_title": _("Notes"),
        "now": _("Now"),
        "then": _("Next"),
        "last": _("This is the last step."),
        "time": _("Time"),
        "again": _("Start the time anew"),
        "task": _("To do"),
        "key": _("The key"),
        "waiting": _("The presenter's page is not open."),
        "blocked": _("The browser lets no second window open; allow it for this page."),
    }
