"""Writes TensorFlow 1 checkpoints of TensorFlow's own cells, with what the cells gave for a sequence.

In a process of its own, since TensorFlow 1's way to work is switched on for a whole process: `python -m ... FOLDER`.
"""

import sys
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")
import tensorflow as tf  # noqa: E402
from tensorflow.python.keras.layers.legacy_rnn import rnn_cell_impl as cells  # noqa: E402

v1 = tf.compat.v1
MODELS = {
    "rnn": lambda: cells.BasicRNNCell(4),
    "lstm": lambda: cells.BasicLSTMCell(5),
    "peepholes": lambda: cells.LSTMCell(3, use_peepholes=True),
    "projection": lambda: cells.LSTMCell(6, num_proj=2),
    "gru": lambda: cells.GRUCell(4),
    "stack": lambda: cells.MultiRNNCell([cells.BasicLSTMCell(3), cells.BasicLSTMCell(2)]),
}


def write(name, folder):
    rng = np.random.default_rng(len(name))
    with tf.Graph().as_default(), v1.Session() as session:
        cell = MODELS[name]()
        x = v1.placeholder(tf.float32, [1, None, 3])
        with v1.variable_scope("model"):
            outputs, _state = v1.nn.dynamic_rnn(cell, x, dtype=tf.float32)
        step = v1.train.get_or_create_global_step()
        session.run(v1.global_variables_initializer())
        for variable in v1.trainable_variables():
            variable.load(rng.normal(size=variable.shape, scale=0.5), session)
        given = rng.normal(size=(1, 9, 3))
        made = session.run(outputs, {x: given})
        v1.train.Saver().save(
            session, str(folder / name), global_step=step, write_state=False, write_meta_graph=False
        )
    np.savez(folder / f"{name}.npz", x=given[0], h=made[0])


if __name__ == "__main__":
    v1.disable_eager_execution()
    for each in MODELS:
        write(each, Path(sys.argv[1]))
