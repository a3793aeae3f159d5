"""How the processes of `make test` share out its files."""

from types import SimpleNamespace

from tests.parallel import ByFile


class Process:
    """One of xdist's: it does what it is sent, in that order."""

    def __init__(self):
        self.shutting_down, self.sent, self.files = False, [], []
        self.gateway = SimpleNamespace(id=str(id(self)))

    def send_runtest_some(self, indexes):
        self.sent += indexes

    def shutdown(self):
        self.shutting_down = True


def share(*files, processes=2):
    """The files that each process does where all tests take as long; a file has three."""
    tests = [f"{file}::test_{number}" for file in files for number in range(3)]
    config = SimpleNamespace(option=SimpleNamespace(verbose=0), getvalue=lambda _name: [f"{processes}*popen"])
    scheduler, nodes = ByFile(config, None), [Process() for _process in range(processes)]
    for node in nodes:
        scheduler.add_node(node)
        scheduler.add_node_collection(node, tests)
    scheduler.schedule()
    while any(node.sent for node in nodes):
        for node in nodes:
            if node.sent:
                index = node.sent.pop(0)
                node.files.append(tests[index].split("::")[0])
                scheduler.mark_test_complete(node, index)
    assert scheduler.tests_finished
    return [list(dict.fromkeys(node.files)) for node in nodes]


def test_one_process_has_the_browsers_files_and_the_other_the_rest():
    first, second = share(
        "tests/browser/test_a.py", "tests/browser/test_b.py", "tests/test_c.py", "tests/web/test_d.py"
    )
    assert first == ["tests/browser/test_a.py", "tests/browser/test_b.py"]
    assert second == ["tests/test_c.py", "tests/web/test_d.py"]


def test_who_has_none_left_takes_one_of_the_others():
    browsers = [f"tests/browser/test_{number}.py" for number in range(6)]
    first, second = share(*browsers, "tests/test_c.py")
    assert second[0] == "tests/test_c.py" and len(second) > 2
    assert sorted([*first, *second[1:]]) == browsers
    rest = [f"tests/test_{number}.py" for number in range(6)]
    first, second = share("tests/browser/test_a.py", *rest)
    assert first[0] == "tests/browser/test_a.py" and len(first) > 2
    assert sorted([*first[1:], *second]) == rest


def test_one_process_alone_does_all():
    files = ["tests/browser/test_a.py", "tests/test_c.py"]
    assert share(*files, processes=1) == [files]
