"""What the stage and the controls of time say, wherever a stage is drawn."""

from __future__ import annotations

from lstmviz.language import _


def stage_words() -> dict[str, str]:
    """What stands on a stage beside numbers and names."""
    return {
        "exact": _("num_units, exactly"),
        "skip": _("Go to num_units"),
        "close": _("Close"),
        "kernel": _("Kernel"),
        "cell": _("Cell"),
        "time": _("Time"),
        "gates": _("gates"),
        "step": _("step {t}"),
        "unit": _("{kind}: step {t}, unit {unit}"),
        "shown": _("units {first} to {last} of {count}"),
        "tile": _("root mean square of {rows} × {columns} weights"),
        "mean": _("mean of {rows} × {columns} values"),
        "shares": _("for what a sigmoid makes;"),
        "others": _("the others' scales are at the right"),
        "own": _("every strip has a scale of its own, at its right"),
        "space": _("space"),
        "line_end": _("line end"),
        "tab": _("tab"),
        "return": _("carriage return"),
        "wide_space": _("wide space"),
        "text": _("Text"),
        "strips": _("Strips"),
        "coloured": _("coloured by unit {unit} of"),
        "select": _("Drag over characters, or select every"),
        "selected": _("{count} characters selected; these units differ most:"),
        "differs": _("mean {inside} there, {outside} elsewhere"),
        "elsewhere": _("Where else does it do that?"),
        "unselect": _("Clear"),
        "pick_unit": _("unit"),
        "same": _("No unit differs there."),
        "wrote": _("what each step wrote of {state} at step {t}"),
        "ledger": _("ledger"),
        "order": _("units"),
        "what_if": _("What if it were held?"),
        "hold_at": _("Hold {name} at"),
        "hold": _("Hold"),
        "let_go": _("Let go"),
        "let_go_all": _("Let go of all {count}"),
        "beside_free": _("Compare with nothing held"),
        "what_if_weight": _("What if this weight were another?"),
        "edit_to": _("{name}, now {value}"),
        "edit": _("Edit"),
        "was": _("It was {value}."),
        "undo_edit": _("Undo"),
        "undo_edits": _("Undo all {count}"),
        "undo_edited": _("Undo {count} edited"),
        "beside_unedited": _("Compare with nothing edited"),
        "folded": _("A linear layer in front is folded into this kernel; the weight is the folded one."),
        "tiled": _("One cell here stands for {rows} × {columns} weights: none of them can be edited alone."),
        "no_weight": _("{name} is an option and no weight: it is under “More”."),
        "answer": _("answer"),
        "answered": _("answer {answer}, right is {right}"),
        "unknown": _("answer {answer}; what is right is not known"),
        "errors": _("RMSE {error} by num_units"),
        "unseen": _("RMSE on data that training did not see"),
        "failed": _("The server does not answer. The stage shows the last setting that it heard of."),
    }


def player_words() -> dict[str, str]:
    """What the controls of time say."""
    return {
        "play": _("Play"),
        "pause": _("Pause"),
        "first": _("First step"),
        "back": _("One step back"),
        "forward": _("One step on"),
        "last": _("Last step"),
        "scrub": _("Step"),
        "speed": _("Speed"),
        "persecond": _("{number} steps a second"),
    }
