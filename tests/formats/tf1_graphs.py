"""Writes checkpoints with their graphs, and frozen graphs, of TensorFlow's own cells, with what the cells gave.

In a process of its own, as the way in which loops are written is switched for a whole process:
`python -m tests.formats.tf1_graphs FOLDER old|new`.
"""

import sys
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")
import tensorflow as tf  # noqa: E402
from tensorflow.python.framework import convert_to_constants  # noqa: E402
from tensorflow.python.keras.layers.legacy_rnn import rnn_cell_impl as cells  # noqa: E402

v1 = tf.compat.v1
CELLS = {
    "zero": lambda: cells.BasicLSTMCell(4, forget_bias=0.0, activation=tf.nn.relu),
    "usual": lambda: cells.BasicLSTMCell(5),
    "much": lambda: cells.LSTMCell(4, forget_bias=2.5, activation=tf.nn.sigmoid),
    "clips": lambda: cells.LSTMCell(4, use_peepholes=True, cell_clip=0.3, num_proj=3, proj_clip=0.1),
    "clip": lambda: cells.LSTMCell(4, cell_clip=0.25, activation=tf.nn.softsign),
    "gru": lambda: cells.GRUCell(4, activation=tf.nn.relu),
    "rnn": lambda: cells.BasicRNNCell(4, activation=tf.nn.elu),
    "linear": lambda: cells.BasicRNNCell(4, activation=tf.identity),
    "stack": lambda: cells.MultiRNNCell([cells.BasicLSTMCell(3, forget_bias=0.5), cells.GRUCell(2)]),
    "own": lambda: Own(4, forget_bias=0.75),
    "scaled": lambda: cells.BasicLSTMCell(4, activation=lambda z: tf.tanh(z) * 1.7),
    "zoneout": lambda: Zoneout(4),
    "together": lambda: cells.BasicLSTMCell(4, forget_bias=0.5, state_is_tuple=False),
}
UNROLLED = ("zero", "clips", "gru", "rnn")
TRAINED = ("much", "gru", "rnn")


class Own(cells.LSTMCell):
    """One that is called otherwise and does the same."""


class Zoneout(cells.BasicLSTMCell):
    """One that keeps a part of its old states."""

    def call(self, inputs, state):
        output, (c, h) = super().call(inputs, state)
        return output, cells.LSTMStateTuple(0.1 * state[0] + 0.9 * c, h)


def run_block_lstm(x, weight):
    """The fused operator as 1.15's LSTMBlockFusedCell calls it."""
    scope = "rnn/lstm_fused_cell"
    diagonals = {f"wc{gate}": weight(f"{scope}/w_{gate}_diag", 4) for gate in "ifo"}
    zeros = tf.zeros([1, 4])
    return tf.raw_ops.BlockLSTM(
        seq_len_max=tf.constant(6, tf.int64), x=x, cs_prev=zeros, h_prev=zeros, w=weight(f"{scope}/kernel", 7, 16),
        b=weight(f"{scope}/bias", 16), use_peephole=True, forget_bias=0.5, cell_clip=0.3, **diagonals,
    ).h  # fmt: skip


def run_block_cell(x, weight):
    """The fused operator as 1.15's LSTMBlockCell calls it."""
    w, b, zeros = weight("rnn/lstm_cell/kernel", 7, 16), weight("rnn/lstm_cell/bias", 16), tf.zeros([4])

    def step(state, x_t):
        made = tf.raw_ops.LSTMBlockCell(
            x=x_t, cs_prev=state[0], h_prev=state[1], w=w, b=b, wci=zeros, wcf=zeros, wco=zeros, forget_bias=2.5,
            cell_clip=-1.0,
        )  # fmt: skip
        return made.cs, made.h

    return tf.scan(step, x, (tf.zeros([1, 4]), tf.zeros([1, 4])))[1]


def run_block_gru(x, weight):
    """The fused operator as 1.15's GRUBlockCellV2 calls it."""
    scope = "rnn/gru_cell"
    given = {
        "w_ru": weight(f"{scope}/gates/kernel", 7, 8), "b_ru": weight(f"{scope}/gates/bias", 8),
        "w_c": weight(f"{scope}/candidate/kernel", 7, 4), "b_c": weight(f"{scope}/candidate/bias", 4),
    }  # fmt: skip
    return tf.scan(lambda h, x_t: tf.raw_ops.GRUBlockCell(x=x_t, h_prev=h, **given).h, x, tf.zeros([1, 4]))


FUSED = {"block_lstm": run_block_lstm, "block_cell": run_block_cell, "block_gru": run_block_gru}


def write(name, folder, how):
    rng = np.random.default_rng(len(name))
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [1, 6, 3])
        if how == "fused":
            outputs = FUSED[name](
                tf.transpose(x, [1, 0, 2]), lambda called, *shape: v1.get_variable(called, shape)
            )
            outputs = tf.transpose(outputs, [1, 0, 2])
        elif how == "unrolled":
            steps, _state = v1.nn.static_rnn(CELLS[name](), tf.unstack(x, axis=1), dtype=tf.float32)
            outputs = tf.stack(steps, axis=1)
        else:
            given = tf.constant([6]) if how == "trained" else None  # as with padded sequences
            outputs, _state = v1.nn.dynamic_rnn(CELLS[name](), x, given, dtype=tf.float32)
        outputs = tf.identity(outputs, "outputs")
        if how == "trained":
            v1.train.AdamOptimizer().minimize(tf.reduce_sum(outputs**2))
        session.run(v1.global_variables_initializer())
        for variable in v1.trainable_variables():
            variable.load(rng.normal(size=variable.shape, scale=0.5), session)
        known = rng.normal(size=(1, 6, 3))
        made = session.run(outputs, {x: known})
        place = folder / f"{name}-{how}"
        v1.train.Saver().save(session, str(place), write_state=False)
        frozen = convert_to_constants.convert_variables_to_constants(
            session, session.graph.as_graph_def(), ["outputs"]
        )
        if how == "unrolled":
            v1.saved_model.simple_save(session, f"{place}-saved", {"x": x}, {"outputs": outputs})
        Path(f"{place}.pb").write_bytes(frozen.SerializeToString())
    np.savez(place, x=known[0], h=made[0])


if __name__ == "__main__":
    v1.disable_eager_execution()
    if sys.argv[2] == "old":
        v1.disable_control_flow_v2()
    else:
        v1.enable_control_flow_v2()
    for each in CELLS:
        write(each, Path(sys.argv[1]), "loop")
    for each in UNROLLED:
        write(each, Path(sys.argv[1]), "unrolled")
    for each in FUSED:
        write(each, Path(sys.argv[1]), "fused")
    for each in TRAINED:
        write(each, Path(sys.argv[1]), "trained")
