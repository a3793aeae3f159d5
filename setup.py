"""What a wheel has beside the package's own files: the front door and its settings, which a checkout has at its top."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

FRONT = ("app.py", ".streamlit/config.toml")


class BuildWithFront(build_py):
    """Puts them into `lstmviz/web/front`, where `lstmviz serve` looks for them."""

    def run(self) -> None:
        """Builds, and copies them."""
        super().run()
        front = Path(self.build_lib, "lstmviz", "web", "front")
        for name in FRONT:
            self.mkpath(str((front / name).parent))
            self.copy_file(name, str(front / name))


setup(cmdclass={"build_py": BuildWithFront})
