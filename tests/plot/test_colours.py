"""The colours for everyone: as colour-blind readers see them, and in greyscale."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmviz.plot import theme as themes

# Machado, Oliveira and Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
# severity 1.0, for linear RGB.
BLIND = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
EYES = ["usual", *BLIND, "greyscale"]
# sRGB to XYZ (IEC 61966-2-1), and CIELAB (CIE 15).
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def linear(colour):
    share = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def see(colour, eye):
    light = linear(colour)
    if eye == "greyscale":
        light = np.full(3, XYZ[1] @ light)
    elif eye in BLIND:
        light = np.clip(np.array(BLIND[eye]) @ light, 0, 1)
    x = XYZ @ light / XYZ.sum(axis=1)
    f = np.where(x > (6 / 29) ** 3, np.cbrt(x), x / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(one, other, eye):
    """The CIELAB distance (CIE 1976); about 2.3 is just noticed."""
    return np.linalg.norm(see(one, eye) - see(other, eye))


SCALES = {
    "diverging, light": themes.DIVERGING["light"],
    "diverging, dark": themes.DIVERGING["dark"],
    "sequential": themes.SEQUENTIAL,
}


def test_black_and_white_are_a_hundred_apart():
    for eye in EYES:
        assert apart("#000000", "#ffffff", eye) == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("name", SCALES)
def test_neighbouring_colours_of_a_scale_stay_apart(name, eye):
    colours = [colour for _at, colour in SCALES[name]]
    for one, other in itertools.pairwise(colours):
        assert apart(one, other, eye) > 10, (one, other)


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_below_and_above_0_are_told_apart_at_the_same_distance_from_it(theme, eye):
    colours = [colour for _at, colour in themes.DIVERGING[theme]]
    for k in range(3):
        assert apart(colours[k], colours[-1 - k], eye) > 10, (colours[k], colours[-1 - k])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_in_greyscale_an_arm_goes_one_way(theme):
    lightness = [see(colour, "greyscale")[0] for _at, colour in themes.DIVERGING[theme]]
    steps = np.diff(lightness) if theme == "light" else -np.diff(lightness)
    assert (steps[:3] > 0).all() and (steps[3:] < 0).all()
    assert (np.diff([see(colour, "greyscale")[0] for _at, colour in themes.SEQUENTIAL]) > 0).all()


@pytest.mark.parametrize("eye", EYES)
def test_what_rises_and_what_falls_are_told_apart(eye):
    assert apart(themes.RISES, themes.FALLS, eye) > 10


def test_gates_are_told_apart_by_colour_blind_readers():
    for eye in EYES[:-1]:  # each has its letter beside it too
        for one, other in itertools.combinations(themes.GATES, 2):
            assert apart(one, other, eye) > 10, (eye, one, other)


@pytest.mark.parametrize("page", ["#ffffff", "#0e1117"])
def test_gates_stand_out_from_the_page_for_every_reader(page):
    for eye in EYES:
        for colour in themes.GATES:
            assert apart(colour, page, eye) > 30, (eye, colour)


def test_letters_of_the_lstm_and_the_gru_have_one_hue_in_every_kind():
    blue, orange, green, pink = themes.GATES[:4]
    assert themes.gate_colours("ijfo") == {"i": blue, "j": orange, "f": green, "o": pink}
    assert themes.gate_colours("ruc") == {"r": blue, "u": orange, "c": green}
    assert themes.gate_colours(("z", "i", "f", "o")) == {"z": orange, "i": blue, "f": green, "o": pink}
    assert themes.gate_colours(("c", "f"))["f"] == green  # two letters of one hue: the LSTM's keeps it


@given(st.lists(st.text(min_size=1, max_size=3), unique=True, max_size=20))
def test_no_two_gates_of_a_kind_have_one_colour_while_there_are_colours(names):
    colours = themes.gate_colours(names)
    assert list(colours) == names
    assert len(set(colours.values())) == min(len(names), len(themes.GATES))


def test_lines_that_look_alike_to_somebody_have_other_dashes():
    from lstmviz.plot.gates import _dash

    for (i, one), (j, other) in itertools.combinations(enumerate(themes.LINES), 2):
        if any(apart(one, other, eye) < 10 for eye in EYES):
            assert _dash(i) != _dash(j), (one, other)
