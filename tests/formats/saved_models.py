"""Keras 2's SavedModels and what their recurrent layers gave, made by `tf_keras` in a process of its own: `python ... FOLDER`."""

import sys
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")
import tf_keras as keras  # noqa: E402  (tests put its folder on the path)

L = keras.layers
MANY = {"return_sequences": True, "name": "it"}


class Doubled(L.LSTMCell):
    """A cell of a model's own."""

    def call(self, inputs, states, training=None):
        output, states = super().call(inputs, states, training=training)
        return output, [2 * states[0], states[1]]


MODELS = {
    "relu": lambda: [L.LSTM(4, activation="relu", **MANY)],
    "gru": lambda: [L.GRU(3, reset_after=False, recurrent_activation="hard_sigmoid", **MANY)],
    "backwards": lambda: [L.SimpleRNN(3, activation="softsign", go_backwards=True, **MANY)],
    "masked": lambda: [L.Masking(-1.0), L.LSTM(3, **MANY)],
    "nested": lambda: [keras.Sequential([keras.Input((7, 3)), L.GRU(2, **MANY)], name="inner")],
    "both": lambda: [L.Bidirectional(L.LSTM(3, return_sequences=True), name="it")],
    "own": lambda: [L.RNN(Doubled(3), **MANY)],
}


def main(folder):
    """Writes everything."""
    rng = np.random.default_rng(7)
    kept = {}
    for name, make in MODELS.items():
        model = keras.Sequential([keras.Input((7, 3)), *make()])
        model.compile("adam", "mse")
        x = rng.normal(size=(1, 7, 3)).astype("float32")
        if name == "masked":
            x[0, [1, 5]] = -1.0
        model.fit(x, model(x), verbose=0)
        model.set_weights([rng.normal(size=w.shape, scale=0.5) for w in model.get_weights()])
        kept[f"{name}/x"], kept[f"{name}/y"] = x[0], np.asarray(model(x))[0]
        model.save(folder / name, save_format="tf")
    np.savez(folder / "outputs.npz", **kept)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
