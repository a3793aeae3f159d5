"""Which tests the processes share out: each takes a whole file, and one of them begins with everything in a browser."""

from xdist.scheduler import LoadFileScheduling

BROWSER = "tests/browser/"


class ByFile(LoadFileScheduling):
    """A file's tests share what they have made.

    The first process takes the browser's files, the others the rest, for two browsers at once keep each other waiting. Who has
    none left of their own takes one of the others': to wait for them would cost more.
    """

    def __init__(self, config, log):
        config.option.loadscopereorder = False  # as they are collected
        super().__init__(config, log)

    def _assign_work_unit(self, node):
        is_first = node is self.nodes[0]
        own = next((file for file in self.workqueue if file.startswith(BROWSER) == is_first), None)
        if own is not None:
            self.workqueue.move_to_end(own, last=False)
        super()._assign_work_unit(node)
