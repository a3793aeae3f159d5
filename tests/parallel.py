"""Which tests two processes share out: each takes a whole file, and one of them everything in a browser."""

from xdist.scheduler import LoadFileScheduling


class ByFile(LoadFileScheduling):
    """A file's tests share what they have made; two browsers at once would keep each other waiting."""

    def __init__(self, config, log):
        # As they are collected: the browser's come first and take longest.
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return "tests/browser" if file.startswith("tests/browser/") else file
