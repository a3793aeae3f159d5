"""The CPUs and GPUs that TensorFlow can see."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# TensorFlow greets every start with build notes on stderr; warnings and errors still show.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

import tensorflow as tf

from lstmviz.language import _


class DeviceError(ValueError):
    """A device was asked for that TensorFlow does not see."""


@dataclass(frozen=True)
class Device:
    """One device: `name` as `run` takes it, "CPU:0", and `title`, what it is called, "NVIDIA H200"."""

    name: str
    title: str

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU."""
        return self.name.startswith("GPU")


@cache
def list_devices() -> tuple[Device, ...]:
    """Every device TensorFlow sees, GPUs first, then CPUs.

    GPU memory is taken as needed, not all at once (`set_memory_growth`), unless TensorFlow has already started the GPU.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # already started by the program around us, which then chose for itself
            break
    return tuple(
        Device(_short(logical.name), _title(logical.device_type, index))
        for type_ in ("GPU", "CPU")
        for index, logical in enumerate(tf.config.list_logical_devices(type_))
    )


def find(name: str | None) -> Device:
    """The device called `name`, in capitals or not; by default the first GPU, else the first CPU.

    Raises:
        DeviceError: TensorFlow does not see such a device.
    """
    devices = list_devices()
    if name is None:
        return devices[0]
    wanted = str(name).upper()
    for device in devices:
        if device.name == wanted:
            return device
    seen = ", ".join(device.name for device in devices)
    if wanted.startswith("GPU") and not any(device.is_gpu for device in devices):
        raise DeviceError(
            _(
                "device is {given!r}, but TensorFlow sees no GPU here, only {allowed}. For a GPU, install "
                "requirements-gpu.txt or build the GPU image, and check the driver with nvidia-smi."
            ).format(given=name, allowed=seen)
        )
    raise DeviceError(_("device is {given!r}; TensorFlow sees {allowed}.").format(given=name, allowed=seen))


def where(tensor: tf.Tensor) -> str:
    """The short name of the device that holds `tensor`."""
    return _short(tensor.device)


def _short(name: str) -> str:
    return name.rsplit("device:", 1)[-1].upper()


def _title(type_: str, index: int) -> str:
    if type_ == "CPU":
        return _cpu_title()
    physical = tf.config.list_physical_devices(type_)
    # Several logical devices can share one physical card; TensorFlow does not say which does.
    details = tf.config.experimental.get_device_details(physical[min(index, len(physical) - 1)])
    return str(details.get("device_name", type_))


def _cpu_title() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine()
