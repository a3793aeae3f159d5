"""Models of Keras 2, made by `tf_keras` in a process of its own: `python keras2_models.py FOLDER`.

Each is saved whole (.h5, .keras) and as weights (.weights.h5, .old.h5); `FOLDER/outputs.npz` has x and what came out.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")
import tf_keras as keras  # noqa: E402  (tests put its folder on the path)

L = keras.layers
INPUTS, STEPS = 3, 7


class PeepholeLSTMCell(L.LSTMCell):
    """A cell that also looks at c."""

    def build(self, input_shape):
        super().build(input_shape)
        self.input_gate_peephole_weights = self.add_weight(
            shape=(self.units,), name="input_gate_peephole_weights"
        )


class NormedCell(L.LSTMCell):
    """A cell that normalises its h."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.norm = L.LayerNormalization()

    def call(self, inputs, states, training=None):
        h, states = super().call(inputs, states, training=training)
        return self.norm(h), states


def layers():
    """Each model's layers, the recurrent one last."""
    many = {"return_sequences": True}
    cells = [L.LSTMCell(2), L.GRUCell(3)]
    return {
        "lstm": [L.LSTM(4, name="it", **many)],
        "lstm_old": [
            L.LSTM(3, activation="relu", recurrent_activation="hard_sigmoid", dropout=0.2, name="it", **many)
        ],
        "gru": [L.GRU(2, name="it", **many)],
        "gru_before": [L.GRU(2, reset_after=False, recurrent_dropout=0.1, name="it", **many)],
        "gru_bare": [L.GRU(2, reset_after=False, use_bias=False, name="it", **many)],
        "rnn": [L.SimpleRNN(5, activation="linear", name="it", **many)],
        "both": [L.Bidirectional(L.LSTM(2, name="it", **many), name="both")],
        "both_turned": [L.Bidirectional(L.LSTM(2, go_backwards=True, name="it", **many), name="both")],
        "both_own": [
            L.Bidirectional(
                L.LSTM(2, name="it", **many),
                backward_layer=L.LSTM(2, activation="relu", go_backwards=True, name="other", **many),
                name="both",
            )
        ],
        "stack": [L.RNN(cells, name="it", **many)],
        "masked": [L.Masking(-1.0), L.LSTM(3, name="it", **many)],
        "backwards": [L.GRU(3, go_backwards=True, name="it", **many)],
        "each": [L.TimeDistributed(L.LSTM(3, name="it"), name="each")],
        "conv": [L.ConvLSTM1D(2, 3, padding="same", name="it", **many)],
        "peephole": [L.RNN(PeepholeLSTMCell(2), name="it", **many)],
        "normed": [L.RNN(NormedCell(2), name="it", **many)],
    }


def shape_of(name):
    """The shape of one example."""
    return (STEPS, 5, INPUTS) if name in ("each", "conv") else (STEPS, INPUTS)


def main(folder):
    """Writes everything."""
    rng = np.random.default_rng(5)
    kept = {}
    for name, made in layers().items():
        model = keras.Sequential([keras.Input(shape_of(name)), *made])
        model.set_weights([rng.normal(size=w.shape, scale=0.5) for w in model.get_weights()])
        x = rng.normal(size=(1, *shape_of(name))).astype("float32")
        if name == "masked":
            x[0, [1, 4, 6]] = -1.0
        kept[f"{name}/x"], kept[f"{name}/y"] = x[0], np.asarray(model(x))[0]
        for suffix in (".h5", ".keras"):
            model.save(folder / f"{name}{suffix}")
        model.save_weights(folder / f"{name}.weights.h5")
        model.save_weights(folder / f"{name}.old.h5", save_format="h5")
    kept |= cudnn(rng, folder)
    np.savez(folder / "outputs.npz", **kept)


def cudnn(rng, folder):
    """What Keras itself makes of the arrays of cuDNN's layers: the plain layers' outputs."""
    from tf_keras.src.saving.legacy.hdf5_format import _convert_rnn_weights

    kept = {}
    for name, made, gates in (
        ("CuDNNLSTM", L.LSTM(4, return_sequences=True), 4),
        ("CuDNNGRU", L.GRU(4, return_sequences=True), 3),
    ):
        arrays = [
            rng.normal(size=size, scale=0.5).astype("float32")
            for size in ((INPUTS, 4 * gates), (4, 4 * gates), (8 * gates,))
        ]
        x = rng.normal(size=(1, STEPS, INPUTS)).astype("float32")
        made(x)
        made.set_weights(_convert_rnn_weights(made, arrays))
        kept |= {f"{name}/{number}": array for number, array in enumerate(arrays)}
        kept |= {f"{name}/x": x[0], f"{name}/y": np.asarray(made(x))[0]}
    (folder / "done.json").write_text(json.dumps(sorted(kept)))
    return kept


if __name__ == "__main__":
    main(Path(sys.argv[1]))
