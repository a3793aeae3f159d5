"""What a server shows at most; its environment may set lower or higher bounds."""

from __future__ import annotations

from lstmviz.web.settings import read_number

MAX_UNITS = 4096
MAX_INPUT_SIZE = 4096
MAX_STEPS = read_number("LSTMVIZ_MAX_STEPS")
# Both bound what one viewer can ask of the server's memory; a browser gets pictures of a few megabytes whatever the size.
MAX_WEIGHTS = read_number("LSTMVIZ_MAX_WEIGHTS")
MAX_RECORDED = read_number("LSTMVIZ_MAX_RECORDED")
# What a view may cost by the estimates of `cost`: until its cell is there, which nobody sees nor can end, and its run.
MAX_BUILD = read_number("LSTMVIZ_MAX_BUILD")
MAX_RUN = read_number("LSTMVIZ_MAX_RUN")
MAX_MEMORY = read_number("LSTMVIZ_MAX_MEMORY")
# What the server keeps of large cells and long runs while they are looked at, in bytes.
MAX_KEPT = read_number("LSTMVIZ_MAX_KEPT")
# What a viewer's model file may have; Streamlit's own bound, in .streamlit/config.toml, is 200 MB.
MAX_MODEL = read_number("LSTMVIZ_MAX_MODEL")
# How many cells are trained at once, for how long, and in how much memory each.
MAX_TRAININGS = read_number("LSTMVIZ_TRAIN")
MAX_TRAINING_SECONDS = read_number("LSTMVIZ_TRAIN_SECONDS")
MAX_TRAINING_MEMORY = read_number("LSTMVIZ_TRAIN_MEMORY")
# Steps of a further text in which Memory searches; its run is bounded by MAX_RUN and MAX_RECORDED too.
MAX_SEARCH = read_number("LSTMVIZ_MAX_SEARCH")
# A table of more numbers is more than a spreadsheet reads.
MAX_TABLE = 2_500_000
# Lines of more units than that nobody tells apart; each is up to 2,000 points in every panel.
MAX_LINES = 24
# Rooms that presenters share, and who follows one; each follower is a connection that is open.
MAX_ROOMS = read_number("LSTMVIZ_MAX_ROOMS")
MAX_FOLLOWERS = read_number("LSTMVIZ_MAX_FOLLOWERS")
ROOM_IDLE = read_number("LSTMVIZ_ROOM_IDLE")
ROOM_LIFE = read_number("LSTMVIZ_ROOM_LIFE")
