"""Where a run happens. TensorFlow can split one CPU in two: that takes a process of its own."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import lstmviz as lv

TWO_CPUS = """
    import tensorflow as tf
    half = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [half, half])
    import numpy as np
    import lstmviz as lv
"""


def run_with_two_cpus(script):
    program = textwrap.dedent(TWO_CPUS) + textwrap.dedent(script)
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def has_gpu():
    return any(device.is_gpu for device in lv.devices.list_devices())


def test_a_run_happens_on_the_device_asked_for_and_the_trace_reads_it_from_the_tensors():
    lines = run_with_two_cpus(
        """
        print(*(device.name for device in lv.devices.list_devices() if not device.is_gpu))
        x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
        held = []
        where = lv.devices.where
        lv.devices.where = lambda tensor: held.append(tensor.device) or where(tensor)
        for kind in lv.KINDS:
            cell = lv.build(kind, num_units=5, input_size=3)
            first, second = lv.run(cell, x, device="CPU:0"), lv.run(cell, x, device="cpu:1")
            assert (first.states["h"] == second.states["h"]).all()
            print(first.device, second.device, *(name.rsplit("/", 1)[-1] for name in held[-2:]))
        """
    )
    assert lines == ["CPU:0 CPU:1"] + ["CPU:0 CPU:1 device:CPU:0 device:CPU:1"] * len(lv.KINDS)


def list_placed(num_units):
    """What TensorFlow says of each operation of a run on the second CPU: the operation, and where it is."""
    lines = run_with_two_cpus(
        f"""
        tf.debugging.set_log_device_placement(True)
        cell = lv.build("LSTMCell", {num_units}, 3, use_peepholes=True, num_proj=2)
        lv.run(cell, np.ones((4, 3)), device="CPU:1")
        """
    )
    return [line for line in lines if "(MatMul)" in line or "While)" in line]


def test_every_product_of_the_loop_is_computed_on_the_device_asked_for():
    products = list_placed(70)
    assert any("while/body" in line for line in products)
    assert {line.rsplit("device:", 1)[-1] for line in products} == {"CPU:1"}


def test_a_narrow_cells_loop_is_on_the_device_asked_for_as_a_whole():
    # It is run by one operation, whose turns are a function that runs where the operation is.
    placed = list_placed(5)
    assert [line for line in placed if "While)" in line]
    assert {line.rsplit("device:", 1)[-1] for line in placed} == {"CPU:1"}


def test_the_devices_are_listed_gpus_first_with_names_and_titles():
    listed = lv.devices.list_devices()
    assert "CPU:0" in [device.name for device in listed]
    assert [device.is_gpu for device in listed] == sorted((device.is_gpu for device in listed), reverse=True)
    assert all(device.title.strip() for device in listed)
    assert lv.devices.find(None) == listed[0]


@pytest.mark.parametrize("name", ["CPU:0", "cpu:0", "Cpu:0"])
def test_a_name_may_be_in_capitals_or_not(name):
    assert lv.devices.find(name).name == "CPU:0"


@pytest.mark.parametrize("name", ["CPU:99", "", "TPU:0", "/device:CPU:0"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(name):
    with pytest.raises(lv.devices.DeviceError, match=rf"device is '{name}'; TensorFlow sees .*CPU:0"):
        lv.devices.find(name)


def test_an_error_about_a_device_is_a_value_error():
    with pytest.raises(ValueError, match="device is"):
        lv.run(lv.build("GRUCell", 2, 1), [[1.0]], device="CPU:7")


def test_asking_for_a_gpu_where_there_is_none_says_how_to_get_one(monkeypatch):
    cpus = tuple(device for device in lv.devices.list_devices() if not device.is_gpu)
    monkeypatch.setattr(lv.devices, "list_devices", lambda: cpus)
    with pytest.raises(
        lv.devices.DeviceError, match=r"no GPU here, only CPU:0.*requirements-gpu\.txt.*nvidia-smi"
    ):
        lv.devices.find("gpu:0")


def test_a_gpu_gives_what_the_cpu_gives():
    if not has_gpu():
        pytest.skip("TensorFlow sees no GPU here")
    x = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
    for kind in lv.KINDS:
        cell = lv.build(kind, num_units=33, input_size=3)
        on_gpu, on_cpu = lv.run(cell, x, device="GPU:0"), lv.run(cell, x, device="CPU:0")
        assert (on_gpu.device, on_cpu.device) == ("GPU:0", "CPU:0")
        # A GPU multiplies float32 matrices with TensorFloat-32's ten bits of mantissa.
        np.testing.assert_allclose(on_gpu.states["h"], on_cpu.states["h"], rtol=0, atol=5e-3)
