"""What Keras's description of one layer says of its cell: each option is shown, known to change no number, or a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lstmviz.cells import ACTIVATIONS
from lstmviz.formats.found import Assumption
from lstmviz.language import _

CELLS: Mapping[str, str] = MappingProxyType(
    {
        "LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn",
        "LSTMCell": "lstm", "GRUCell": "gru", "SimpleRNNCell": "rnn",
        "CuDNNLSTM": "lstm", "CuDNNGRU": "gru",
    }
)  # fmt: skip
"""The families of Keras's layers and cells."""
_OPTIONS = {
    "lstm": ("activation", "recurrent_activation"),
    "gru": ("activation", "recurrent_activation", "reset_after"),
    "rnn": ("activation",),
}
# How a layer starts, is trained, is fed or gives out; none of it changes what its cell does with a step.
_NEUTRAL = frozenset((
    "name", "trainable", "dtype", "units", "output_dim", "use_bias", "unit_forget_bias",
    "kernel_initializer", "recurrent_initializer", "bias_initializer", "kernel_regularizer",
    "recurrent_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint",
    "recurrent_constraint", "bias_constraint", "dropout", "recurrent_dropout", "seed", "implementation",
    "unroll", "time_major", "use_cudnn", "return_sequences", "return_state", "return_runtime",
    "go_backwards", "stateful", "zero_output_for_mask", "batch_input_shape", "batch_shape", "batch_size",
    "input_shape", "input_dim", "input_length", "input_dtype", "ragged", "sparse", "init", "inner_init",
    "forget_bias_init", "W_regularizer", "U_regularizer", "b_regularizer", "W_constraint", "U_constraint",
    "b_constraint", "dropout_W", "dropout_U", "consume_less"
))  # fmt: skip
# What has no part in any recurrent layer, by its class.
_OTHERS = re.compile(
    r"Dense|EinsumDense|Embedding|Activation|Flatten|Reshape|Permute|RepeatVector|Masking|Lambda|Identity|InputLayer"
    r"|(Spatial|Gaussian|Alpha)?Dropout([123]D)?|GaussianNoise|ActivityRegularization|(Leaky|P|Thresholded)?ReLU|ELU|Softmax"
    r"|(Batch|Layer|Group|Unit|Spectral)?Normalization|BatchNormalizationV[12]|Rescaling|TextVectorization"
    r"|(Separable|Depthwise|LocallyConnected)?(Conv)?(olution)?[123]D(Transpose)?|LocallyConnected[12]D"
    r"|(Global)?(Max|Average)Pool(ing)?[123]D|(ZeroPadding|Cropping|UpSampling)[123]D"
    r"|Add|Subtract|Multiply|Average|Maximum|Minimum|Concatenate|Dot|Merge"
    r"|Attention|AdditiveAttention|MultiHeadAttention|GroupQueryAttention"
)
_WRAPPERS = ("RNN", "StackedRNNCells", "Bidirectional", "TimeDistributed")
_FLOATS = ("float32", "float64", "floatx")


@dataclass(frozen=True)
class Version:
    """The Keras that wrote a file.

    Attributes:
        text: As the file says it: "2.2.4-tf"; "" where it does not.
    """

    text: str = ""

    @property
    def number(self) -> tuple[int, int]:
        """Its first two numbers; of an unknown one, zeros."""
        match = re.match(r"(\d{1,4})(?:\.(\d{1,4}))?", self.text)
        return (int(match[1]), int(match[2] or 0)) if match else (0, 0)

    @property
    def is_old(self) -> bool:
        """Whether its hard_sigmoid is 0.2 x + 0.5."""
        return self.number < (3, 0)

    @property
    def stands_for_two(self) -> bool:
        """Whether TensorFlow 1.14, 1.15, 2.0 and 2.1 all call themselves so, whose defaults differ."""
        return self.text.startswith("2.2.4-tf")

    @property
    def recurrent_activation(self) -> str:
        """What an LSTM's or a GRU's is, unless told: hard_sigmoid before 2.3."""
        return "legacy_hard_sigmoid" if self.number < (2, 3) else "sigmoid"

    @property
    def reset_after(self) -> bool:
        """What a GRU's is, unless told."""
        return self.number >= (2, 3) and (self.number >= (3, 0) or "tf" in self.text or self.number > (2, 3))


UNKNOWN = Version()
"""Of a file that does not say which Keras wrote it."""
KERAS_3 = Version("3")
"""Of a format that only Keras 3 writes."""


@dataclass(frozen=True)
class Says:
    """What a layer's description says.

    Attributes:
        family: "lstm", "gru" or "rnn"; "" where it cannot be shown.
        options: What the layer was told, in Keras's words.
        problem: Why it cannot be shown; "" where it can.
        notes: What there is to know, sentences.
        assumed: What it does not say.
    """

    family: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    notes: tuple[str, ...] = ()
    assumed: tuple[Assumption, ...] = ()


def class_of(entry: Mapping[str, Any]) -> str:
    """The class that a description states; `package>Name` for one that is not Keras's own, even of Keras's name."""
    kind = str(entry["class_name"])
    registered = entry.get("registered_name")
    if isinstance(registered, str) and ">" in registered:
        return registered[:200]
    if "module" in entry and ">" not in kind and not _is_keras(entry["module"]):
        is_keras_name = kind in CELLS or kind in _WRAPPERS or _OTHERS.fullmatch(kind)
        return f"{entry['module'] or 'Custom'}>{kind}"[:200] if is_keras_name else kind[:200]
    return kind[:200]


def _is_keras(module: Any) -> bool:
    return isinstance(module, str) and bool(re.match(r"(keras|tf_keras|tensorflow)(\.|$)", module))


def say_class(kind: str) -> str:
    """Why a layer of a class that is none of `CELLS` cannot be shown."""
    if re.fullmatch(r"ConvLSTM[123]D(Cell)?|ConvRNN[123]D", kind):
        return _("it is a {kind}, a convolution in every gate, which no cell here has").format(kind=kind)
    if is_no_layer(kind):
        return _("{kind} is no recurrent layer").format(kind=kind)
    return _("it is a {kind}, which is none of Keras's plain recurrent layers ({allowed})").format(
        kind=kind, allowed=", ".join(CELLS)
    )


def is_no_layer(kind: str) -> bool:
    """Whether a class is one of Keras's that have no part in any recurrent layer."""
    return bool(_OTHERS.fullmatch(kind))


def say_own(kind: str) -> str:
    """Why a layer that is called as such a class, and has a recurrent cell in it, cannot be shown."""
    return _(
        "it is called {kind} and has a recurrent cell in it, which Keras's own {kind} has not: it is a class of the "
        "model's own, and what it does with that is not in the file"
    ).format(kind=kind)


def read_cell(entry: Mapping[str, Any], version: Version) -> Says:
    """What the description of a layer or a cell says.

    Args:
        entry: Keras's `{"class_name": ..., "config": {...}}`.
        version: Keras's that wrote it.
    """
    kind, config = class_of(entry), entry["config"]
    if kind not in CELLS:
        return Says(problem=say_class(kind))
    family = CELLS[kind]
    told = {**config}
    if "inner_activation" in told:  # Keras 1's word
        told["recurrent_activation"] = told.pop("inner_activation")
    options, problems = _read_options(kind, family, told, version)
    problems += [*_say_unknown(kind, told, family)]
    if problems:
        return Says(problem="; ".join(problems))
    assumed = []
    if (
        version.stands_for_two
        and family != "rnn"
        and "recurrent_activation" not in told
        and "CuDNN" not in kind
    ):
        assumed.append(assume_default(version, options["recurrent_activation"]))
    assumed += [
        Assumption(_("its option {name} changes nothing").format(name=name), _("it is not known here"))
        for name in told
        if name not in _NEUTRAL and name not in _OPTIONS[family] and told[name] in (None, False)
    ]
    return Says(family, options, notes=tuple(_say_notes(config)), assumed=tuple(assumed))


def _read_options(
    kind: str, family: str, told: Mapping[str, Any], version: Version
) -> tuple[dict[str, Any], list[str]]:
    if kind.startswith("CuDNN"):
        return ({"reset_after": True} if family == "gru" else {}), []
    options: dict[str, Any] = {}
    problems = []
    if family != "rnn":
        options["recurrent_activation"] = version.recurrent_activation
    for name in _OPTIONS[family]:
        if name not in told:
            continue
        if name == "reset_after":
            options[name] = bool(told[name])
            continue
        options[name], problem = _read_function(name, told[name], version)
        if problem:
            problems.append(problem)
    return options, problems


def _read_function(option: str, value: Any, version: Version) -> tuple[str, str]:
    """An activation's name, and why no cell has it."""
    is_own = False
    if isinstance(value, Mapping):  # a function of the model's own, a lambda, or a layer with settings
        inside = value.get("config")
        is_own = not (isinstance(inside, str) and _is_keras(value.get("module")))
        value = inside if isinstance(inside, str) else value.get("class_name")
    elif isinstance(value, list):
        value, is_own = "<lambda>", True
    name = "linear" if value is None else str(value)[:200]
    if is_own or ">" in name:
        return "", _(
            "its {option} is {function}, a function with settings or of the model's own, which no cell here has"
        ).format(option=option, function=name)
    if name == "hard_sigmoid" and version.is_old:
        return "legacy_hard_sigmoid", ""
    if name not in ACTIVATIONS and name != "swish":
        return "", _("its {option} is {function}, which no cell here has").format(
            option=option, function=name
        )
    return name, ""


def _say_unknown(kind: str, told: Mapping[str, Any], family: str) -> Iterator[str]:
    for name, value in told.items():
        if name in _NEUTRAL or name in _OPTIONS[family] or value is None or value is False:
            continue
        yield _(
            "its option {name} is {value}, and what Keras's {kind} does with that is not known here"
        ).format(name=str(name)[:100], value=str(value)[:100], kind=kind)


def _say_notes(config: Mapping[str, Any]) -> Iterator[str]:
    policy = policy_of(config)
    if policy and policy not in _FLOATS:
        yield _(
            "Keras computes it with the dtype {policy}; here it is computed in float32 or float64."
        ).format(policy=policy)
    if config.get("stateful"):
        yield _(
            "It is stateful: Keras starts a sequence where the last one ended; here each starts from zeros."
        )


def policy_of(config: Mapping[str, Any]) -> str:
    """The dtype, or the dtype policy, that a layer computes with; "" where it is not said."""
    dtype: Any = config.get("dtype")
    if isinstance(dtype, Mapping):
        inside = dtype.get("config")
        dtype = inside.get("name") if isinstance(inside, Mapping) else inside
    return dtype[:100] if isinstance(dtype, str) else ""


def assume_default(version: Version, recurrent: str) -> Assumption:
    """That an LSTM or a GRU has the recurrent activation of the Keras that wrote the file."""
    function = "hard_sigmoid (0.2 x + 0.5)" if recurrent == "legacy_hard_sigmoid" else recurrent
    if version.stands_for_two:
        return Assumption(
            _("its activations are tanh and {function}").format(function=function),
            _(
                "Keras {version} is that of TensorFlow 1.14 and 1.15, whose default is hard_sigmoid, and of 2.0 and 2.1, "
                "whose default is sigmoid; the file does not say which"
            ).format(version=version.text),
        )
    if version.text:
        return Assumption(
            _("its activations are tanh and {function}").format(function=function),
            _("these are the defaults of Keras {version}, and weights alone do not say").format(
                version=version.text
            ),
        )
    return Assumption(
        _("its activations are Keras's defaults, tanh and {function}").format(function=function),
        _("the file does not say"),
    )
