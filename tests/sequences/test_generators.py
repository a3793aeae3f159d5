"""The signals and the sunspots, whatever their size."""

from __future__ import annotations

import csv
import inspect
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lstmviz
from lstmviz import language
from lstmviz.sequences import GENERATORS, SignalOption, longest, make, sunspots

NAMES = st.sampled_from(list(GENERATORS))
SIGNALS = [name for name in GENERATORS if name != "sunspots"]
FEATURES = st.integers(1, 40)
STEPS = st.integers(0, 200)

with (Path(lstmviz.__file__).parent / "data" / "sunspots.csv").open(encoding="utf-8") as file:
    YEARS, NUMBERS = zip(
        *[(row["YEAR"], float(row["SUNACTIVITY"])) for row in csv.DictReader(file)], strict=True
    )

unchecked_make = inspect.unwrap(make)  # as in a program, where nothing checks annotations


def test_they_are_offered_in_this_order():
    assert " ".join(GENERATORS) == "sunspots sine square impulse step ramp chirp white_noise random_walk"
    assert all(generator.name == name and generator.title for name, generator in GENERATORS.items())


@st.composite
def _settings(draw, name: str) -> dict[str, float]:
    options = GENERATORS[name].options
    return {o.name: draw(st.floats(o.minimum, o.maximum)) for o in options if draw(st.booleans())}


@given(NAMES, STEPS, FEATURES, st.integers(0, 2**40), st.data())
def test_each_is_finite_float32_of_the_size_asked_for_and_repeatable(
    name, time_steps, input_size, seed, data
):
    options = data.draw(_settings(name))
    made = make(name, time_steps=time_steps, input_size=input_size, seed=seed, **options)
    assert made.values.shape == (time_steps, input_size)
    assert made.values.dtype == np.float32
    assert np.isfinite(made.values).all()
    again = make(name, time_steps=time_steps, input_size=input_size, seed=seed, **options)
    np.testing.assert_array_equal(made.values, again.values)


@given(NAMES, STEPS, FEATURES, FEATURES, st.data())
def test_more_features_leave_the_earlier_ones_as_they_are(name, time_steps, few, more, data):
    options = data.draw(_settings(name))
    narrow = make(name, time_steps=time_steps, input_size=few, **options)
    wide = make(name, time_steps=time_steps, input_size=few + more, **options)
    np.testing.assert_array_equal(wide.values[:, :few], narrow.values)
    assert wide.features[:few] == narrow.features


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("time_steps", [7, 60, 1000])
def test_no_two_of_1024_features_are_alike(name, time_steps):
    values = make(name, time_steps=time_steps, input_size=1024).values
    assert len(np.unique(values.T, axis=0)) == 1024


@pytest.mark.parametrize("name", sorted(set(SIGNALS) - {"white_noise"}))
def test_signals_are_about_one_in_size_however_long(name):
    largest = np.abs(make(name, time_steps=10_000, input_size=3).values).max()
    assert 0.9 < largest <= 1.000001


@pytest.mark.parametrize("name", sorted(set(SIGNALS) - {"chirp"}))
@pytest.mark.parametrize("input_size", [1, 3])
def test_more_steps_go_on_from_the_earlier_ones(name, input_size):
    short = make(name, time_steps=30, input_size=input_size).values
    np.testing.assert_array_equal(make(name, time_steps=90, input_size=input_size).values[:30], short)


def test_a_sines_period_is_where_its_spectrum_peaks():
    values = make("sine", time_steps=1200, input_size=3, period=12).values
    assert np.abs(np.fft.rfft(values, axis=0)).argmax(axis=0).tolist() == [100, 100, 100]


def test_the_first_sine_starts_at_zero_and_rises():
    sine = make("sine", time_steps=20, input_size=1, period=20).values[:, 0]
    np.testing.assert_allclose(sine, np.sin(2 * np.pi * np.arange(20) / 20), atol=1e-6)


def test_the_first_square_is_one_for_half_its_period_then_minus_one():
    assert make("square", time_steps=8, input_size=1, period=4).values[:, 0].tolist() == [1, 1, -1, -1] * 2


def test_the_first_ramp_rises_evenly_from_minus_one():
    assert make("ramp", time_steps=5, input_size=1, period=4).values[:, 0].tolist() == [-1, -0.5, 0, 0.5, -1]


def test_a_chirp_begins_and_ends_with_the_periods_given():
    values = make("chirp", time_steps=4000, input_size=1, period=40, last_period=10).values[:, 0]
    crossings = np.flatnonzero(np.diff(np.sign(values)) > 0)
    assert crossings[1] - crossings[0] == pytest.approx(40, abs=1)
    assert crossings[-1] - crossings[-2] == pytest.approx(10, abs=1)


def test_an_impulse_is_one_step_high_and_comes_a_step_later_in_each_feature():
    values = make("impulse", time_steps=9, input_size=4, onset=2).values
    assert [np.flatnonzero(column).tolist() for column in values.T] == [[2], [3], [4], [5]]
    assert values[2, 0] == 1


def test_a_step_stays_up():
    assert make("step", time_steps=6, input_size=2, onset=3).values[:, 0].tolist() == [0, 0, 0, 1, 1, 1]
    assert np.flatnonzero(make("step", time_steps=6, input_size=2, onset=3).values[:, 1]).tolist() == [4, 5]


@given(st.sampled_from(["impulse", "step"]), st.integers(1, 50), FEATURES, st.floats(0, 60))
def test_nothing_comes_before_its_onset(name, time_steps, input_size, onset):
    values = make(name, time_steps=time_steps, input_size=input_size, onset=onset).values
    assert not values[np.arange(time_steps) < onset].any()
    assert values.any(axis=0).all() == (np.ceil(onset) < time_steps)


def test_white_noise_is_white_and_normal():
    values = make("white_noise", time_steps=10_000, input_size=4, deviation=2).values.astype(float)
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(values.std(axis=0), 2, rtol=0.03)
    mixed = np.corrcoef(values, rowvar=False) - np.eye(4)
    neighbours = [np.corrcoef(column[1:], column[:-1])[0, 1] for column in values.T]
    assert max(np.abs(mixed).max(), np.abs(neighbours).max()) < 0.05


def test_a_random_walks_steps_have_the_deviation_given():
    values = make("random_walk", time_steps=10_000, input_size=1, step_deviation=0.02).values
    assert np.diff(values[:, 0]).std() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("name", ["white_noise", "random_walk"])
def test_another_seed_gives_another_noise(name):
    first, second = (make(name, time_steps=20, input_size=2, seed=seed).values for seed in (0, 1))
    assert (first != second).all()


# --- Sunspots


@given(st.data())
def test_a_sunspot_feature_is_the_number_so_many_years_earlier(data):
    input_size = data.draw(st.integers(1, 309))
    time_steps = data.draw(st.integers(0, longest("sunspots", input_size)))
    made = sunspots(time_steps, input_size, standardise=False)
    assert made.labels == YEARS[309 - time_steps :]
    for t, year in enumerate(made.labels):
        index = YEARS.index(year)
        expected = [NUMBERS[index - k] for k in range(input_size)]
        np.testing.assert_allclose(made.values[t], expected, rtol=1e-6)


def test_sunspots_are_standardised_over_all_years_so_that_windows_agree():
    everything = make("sunspots", time_steps=309, input_size=1).values[:, 0]
    assert everything.mean() == pytest.approx(0, abs=1e-6)
    assert everything.std() == pytest.approx(1, abs=1e-6)
    np.testing.assert_array_equal(
        make("sunspots", time_steps=60, input_size=4).values[:, 0], everything[-60:]
    )


def test_the_bundled_numbers_are_the_known_ones():
    assert (len(YEARS), YEARS[0], YEARS[-1]) == (309, "1700", "2008")
    assert (NUMBERS[0], max(NUMBERS), YEARS[int(np.argmax(NUMBERS))]) == (5, 190.2, "1957")


def test_sunspots_say_what_they_are_and_where_they_come_from():
    made = sunspots(2, 3)
    assert made.features == ("x[0]: this year", "x[1]: 1 year before", "x[2]: 2 years before")
    assert "National Geophysical Data Center" in made.source
    assert made.source == make("sunspots", time_steps=2, input_size=3).source


@pytest.mark.parametrize(("input_size", "most"), [(1, 309), (4, 306), (309, 1), (310, 0), (400, 0)])
def test_the_longest_sunspots_can_be_made_and_one_more_step_cannot(input_size, most):
    assert longest("sunspots", input_size) == most
    assert len(make("sunspots", time_steps=most, input_size=input_size)) == most
    features = "1 feature" if input_size == 1 else f"{input_size} features"
    with pytest.raises(ValueError, match=rf"time_steps is {most + 1}; sunspots with {features} has {most}"):
        make("sunspots", time_steps=most + 1, input_size=input_size)


@pytest.mark.parametrize("name", SIGNALS)
def test_signals_never_end(name):
    assert longest(name, 4) is None


# --- What is refused


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"name": "cosine"}, "'cosine'.*sunspots, sine, square"),
        ({"time_steps": -1}, "time_steps is -1.*at least 0"),
        ({"time_steps": 1.5}, "time_steps is 1.5.*whole number"),
        ({"time_steps": True}, "time_steps is True.*whole number"),
        (
            {"time_steps": 10**12},
            "time_steps is 1,000,000,000,000; sine with 4 features has 33,554,432 at most",
        ),
        ({"input_size": 0}, "input_size is 0.*at least 1"),
        ({"input_size": "4"}, "input_size is '4'.*whole number"),
        ({"seed": -3}, "seed is -3.*at least 0"),
        ({"period": 1}, "period is 1; .*from 2 to 10000"),
        ({"period": float("nan")}, "period is nan; .*from 2 to 10000"),
        ({"period": "12"}, "period is '12'; .*number from 2 to 10000"),
        ({"period": None}, "period is None; .*number from 2 to 10000"),
        ({"onset": 3}, "onset is no option of sine; it has period"),
        ({"name": "sunspots", "period": 3}, "period is no option of sunspots; it has none"),
    ],
)
def test_what_cannot_be_made_is_refused_by_name_and_bound(asked, named):
    with pytest.raises(ValueError, match=named):
        unchecked_make(**({"name": "sine", "time_steps": 5, "input_size": 4} | asked))


def test_the_longest_of_what_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"'cosine'.*sunspots, sine"):
        longest("cosine", 4)


@pytest.mark.parametrize("option", [o for generator in GENERATORS.values() for o in generator.options])
def test_each_options_bounds_hold_its_default(option: SignalOption):
    assert option.minimum <= option.default <= option.maximum
    assert option.step > 0 and option.title


def test_numpys_numbers_are_numbers_too():
    made = unchecked_make("sine", time_steps=np.int64(5), input_size=np.int32(2), period=np.float32(8))
    assert made.values.shape == (5, 2)


def test_titles_are_in_the_viewers_language():
    with language.use("ja"):
        made = make("sunspots", time_steps=1, input_size=2)
        assert made.title == language._(GENERATORS["sunspots"].title)
        assert made.features[1] == language._("x[1]: 1 year before")
