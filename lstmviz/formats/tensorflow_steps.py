"""What a TensorFlow graph does with a cell's weights in a step: its options, or what no cell here does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lstmviz.formats.tensorflow_graph import Graph, Node, Tensor, describe_between
from lstmviz.language import _

_FUNCTIONS = {
    "Tanh": "tanh", "Relu": "relu", "Sigmoid": "sigmoid", "Softsign": "softsign", "Softplus": "softplus", "Elu": "elu",
    "Selu": "selu", "Exp": "exponential",
}  # fmt: skip
_ADDS = ("Add", "AddV2", "BiasAdd")
_SELECTS = ("Select", "SelectV2")
_STARTS = ("Fill", "Const", "Placeholder", "PlaceholderWithDefault", "ZerosLike")
_MOST_ADDED = 6
_MOST_USES = 2000
# Where 1.15's block cells give their weights to TensorFlow's fused operators: the kernel's place among the inputs.
_LSTM_OPERATORS = {"LSTMBlockCell": (3, "LSTMBlockCell"), "BlockLSTM": (4, "LSTMBlockFusedCell")}
_DIAGONALS = ("w_i_diag", "w_f_diag", "w_o_diag")


class _Unlike(Exception):
    """The graph does what no cell here does; the message is the reason."""


class _Lost(Exception):
    """The graph cannot be followed."""


@dataclass(frozen=True)
class Shown:
    """What a graph shows of a cell.

    Attributes:
        family: Which it is, "lstm", "gru" or "rnn"; "" where it is none.
        options: What it is told, in TensorFlow's words.
        called: Its class, where the graph shows that.
        carries: Whether a step's new states are seen to be the next step's old ones.
        problem: What it does that no cell here does; "" where there is no such thing.
    """

    family: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    called: str = ""
    carries: bool = False
    problem: str = ""


@dataclass(frozen=True)
class _Use:
    """One application of a cell to one step.

    Attributes:
        options: What it shows of the cell.
        states: Each old state, with its new one.
        called: The cell's class, where it shows.
    """

    options: Mapping[str, Any]
    states: tuple[tuple[Tensor, Tensor], ...]
    called: str = ""


def follow(graph: Graph, names: Mapping[str, str], families: tuple[str, ...]) -> Shown | None:
    """What the graph does with a cell's variables; None where it cannot be followed.

    Args:
        graph: The graph.
        names: The variables' full names by their names of today within the cell.
        families: Those that the variables' shapes fit.
    """
    problem = ""
    for family in families:
        try:
            uses = list(_FOLLOW[family](graph, names))
            if not uses:
                continue
            if any((use.options, use.called) != (uses[0].options, uses[0].called) for use in uses):
                raise _Unlike(_("its graph runs it in several ways, with other options each"))
            return Shown(family, uses[0].options, uses[0].called, _check_states(graph, uses))
        except _Unlike as error:
            problem = problem or str(error)
        except _Lost:
            continue
    return Shown(problem=problem) if problem else None


# --- One step of each family


def _follow_lstm(graph: Graph, names: Mapping[str, str]) -> Iterator[_Use]:
    for user in _users(graph, names["kernel"]):
        if user.kind in _LSTM_OPERATORS:
            yield _use_operator(graph, user, names)
        elif user.kind == "BlockLSTMV2":
            raise _Unlike(_("its graph runs it as BlockLSTMV2, which takes its gates in another order"))
    for product in _products(graph, names["kernel"]):
        yield _use_lstm(graph, product, names)


def _use_operator(graph: Graph, user: Node, names: Mapping[str, str]) -> _Use:
    """One of TensorFlow's fused LSTMs."""
    place, called = _LSTM_OPERATORS[user.kind]
    given = graph.inputs(user)
    expected = [names["kernel"], *(names.get(name) for name in _DIAGONALS), names.get("bias")]
    peeps = user.told["use_peephole"].b
    has_all = all(name in names for name in _DIAGONALS)
    own = [graph.variable(each) for each in given[place : place + 5]]
    if own[0] != expected[0] or own[4:] != expected[4:] or (peeps and own != expected) or has_all != peeps:
        raise _Lost
    clip = user.told["cell_clip"].f if "cell_clip" in user.told else 3.0  # as TensorFlow registers it
    options = {
        "forget_bias": _number(user.told["forget_bias"].f if "forget_bias" in user.told else 1.0),
        "activation": "tanh",
        **({"cell_clip": _number(clip)} if clip > 0 else {}),
    }
    old = given[place - 2], given[place - 1]
    if user.kind == "BlockLSTM":  # it carries its states itself
        return _Use(options, (), called)
    return _Use(options, ((old[0], Tensor(user.name, 1)), (old[1], Tensor(user.name, 6))), called)


def _use_lstm(graph: Graph, product: Node, names: Mapping[str, str]) -> _Use:
    h = _old_state(graph, product)
    gates = _split(graph, _add_bias(graph, product, names), 4)
    i, i_adds, i_peeps = _open_gate(graph, gates[0], names.get("w_i_diag"))
    f, f_adds, f_peeps = _open_gate(graph, gates[2], names.get("w_f_diag"))
    o, o_adds, o_peeps = _open_gate(graph, gates[3], names.get("w_o_diag"))
    if i_adds or o_adds:
        raise _Unlike(_("its graph adds a constant to another gate than the forget gate"))
    entering, activation = _times_function(graph, i, gates[1], _("its new input"))
    c, old = _add_kept(graph, entering, f)
    m, output, clipped, clip = _leave(graph, o, c)
    if output != activation:
        raise _Unlike(
            _("its activation is {first} for its new input and {second} for its output").format(
                first=activation, second=output
            )
        )
    seen = [old] * ("w_i_diag" in names) + [old] * ("w_f_diag" in names) + [clipped] * ("w_o_diag" in names)
    if i_peeps + f_peeps + o_peeps != seen:
        raise _Unlike(_("its graph does not take its peepholes as TensorFlow's cells do"))
    new, more = _project(graph, m, names)
    options = {"forget_bias": _number(f_adds or 0.0), "activation": activation, **more}
    if clip is not None:
        options["cell_clip"] = clip
    return _Use(options, ((old, clipped), (h, new)))


def _follow_gru(graph: Graph, names: Mapping[str, str]) -> Iterator[_Use]:
    if not {"gates/kernel", "candidate/kernel"} <= names.keys():
        raise _Lost
    for user in _users(graph, names["gates/kernel"]):
        if user.kind == "GRUBlockCell":
            given = graph.inputs(user)
            own = [graph.variable(each) for each in given[2:]]
            parts = ("gates/kernel", "candidate/kernel", "gates/bias", "candidate/bias")
            if own != [names.get(part) for part in parts]:
                raise _Lost
            yield _Use({"activation": "tanh"}, ((given[1], Tensor(user.name, 3)),), "GRUBlockCell")
    for product in _products(graph, names["gates/kernel"]):
        yield _use_gru(graph, product, names)


def _use_gru(graph: Graph, product: Node, names: Mapping[str, str]) -> _Use:
    h = _old_state(graph, product)
    r, u = _open_both(graph, _add_bias(graph, product, names, "gates/bias"))
    reset = [Tensor(user.name) for user in graph.users(r) if user.kind == "Mul" and h in graph.inputs(user)]
    candidates = [
        each
        for each in _products(graph, names["candidate/kernel"])
        if any(_old_state(graph, each) == one for one in reset)
    ]
    if len(candidates) != 1:
        raise _Unlike(_("its graph does not reset its state as TensorFlow's GRUCell does"))
    candidate = _add_bias(graph, candidates[0], names, "candidate/bias")
    rest = [
        Tensor(user.name)
        for user in graph.users(u)
        if user.kind == "Sub" and graph.constant(user.inputs[0]) == 1.0
    ]
    for one in rest:
        entering, activation = _times_function(graph, one, candidate, _("its new input"))
        new, old = _add_kept(graph, entering, u)
        if old != h:
            raise _Unlike(_("its graph keeps something else than its old state"))
        return _Use({"activation": activation}, ((h, new),))
    raise _Unlike(_("its graph does not update its state as TensorFlow's GRUCell does"))


def _follow_rnn(graph: Graph, names: Mapping[str, str]) -> Iterator[_Use]:
    products = list(_products(graph, names["kernel"]))
    olds = [_old_state(graph, product) for product in products]
    for product, old in zip(products, olds, strict=True):
        before = _add_bias(graph, product, names)
        following = graph.next_of(old)
        if following is not None:
            new = _past_select(graph, following, old)
            if (activation := _function(graph, new, before)) is None:
                raise _Unlike(_say_between(graph, new, before, _("its sum")))
        else:
            found = {
                each: function
                for each in [*olds, *(Tensor(user.name) for user in graph.users(before))]
                if (function := _function(graph, each, before))
            }
            if len(found) != 1:
                raise _Lost
            ((new, activation),) = found.items()
        yield _Use({"activation": activation}, ((old, new),))


_FOLLOW = {"lstm": _follow_lstm, "gru": _follow_gru, "rnn": _follow_rnn}


# --- From the weights on


def _users(graph: Graph, name: str) -> list[Node]:
    if name not in graph.nodes:
        raise _Lost
    users = graph.users(Tensor(name))
    if len(users) > _MOST_USES:
        raise _Lost
    return users


def _products(graph: Graph, name: str) -> Iterator[Node]:
    """Where a kernel meets its input and its state, `[x, h] · kernel`."""
    for user in _users(graph, name):
        turned = user.kind == "MatMul" and (user.told["transpose_a"].b or user.told["transpose_b"].b)
        if user.kind == "MatMul" and not turned and graph.inputs(user)[1:] == [Tensor(name)]:
            yield user


def _old_state(graph: Graph, product: Node) -> Tensor:
    """What the last rows of a kernel meet."""
    node = graph.node(graph.inputs(product)[0])
    parts = graph.inputs(node)
    if node.kind == "ConcatV2" and len(parts) > 2 and graph.constant(parts[-1]) in (1.0, -1.0):
        return parts[-2]
    if node.kind == "Concat" and len(parts) > 2 and graph.constant(parts[0]) == 1.0:
        return parts[-1]
    raise _Lost


def _add_bias(graph: Graph, product: Node, names: Mapping[str, str], part: str = "bias") -> Tensor:
    if part not in names:
        raise _Lost
    users = graph.users(Tensor(product.name))
    sums = [user for user in users if user.kind in _ADDS and Tensor(names[part]) in graph.inputs(user)]
    if len(sums) == 1:
        return Tensor(sums[0].name)
    if not users or len(sums) > 1:
        raise _Lost
    raise _Unlike(
        _("its graph has {operations} between its kernel and its bias").format(operations=_list(users))
    )


def _split(graph: Graph, tensor: Tensor, count: int) -> list[Tensor]:
    for user in graph.users(tensor):
        given = graph.inputs(user)
        axis = {"Split": 0, "SplitV": 2}.get(user.kind)
        if axis is None or len(given) <= axis or user.told["num_split"].i != count:
            continue
        if graph.constant(given[axis]) in (1.0, -1.0):
            return [Tensor(user.name, k) for k in range(count)]
    raise _Lost


def _open_gate(graph: Graph, gate: Tensor, diagonal: str | None) -> tuple[Tensor, float | None, list[Tensor]]:
    """A gate's sigmoid, what constant is added before it, and the states that its peepholes see."""
    added: float | None = None
    peeps: list[Tensor] = []
    for _step in range(_MOST_ADDED):
        users = graph.users(gate)
        opened = [user for user in users if user.kind == "Sigmoid"]
        if len(opened) == 1:
            return Tensor(opened[0].name), added, peeps
        sums = [user for user in users if user.kind in _ADDS]
        if not users or len(opened) > 1 or len(sums) > 1:
            raise _Lost
        if not sums:
            raise _Unlike(
                _("its graph gives a gate to {operations}, and not to Sigmoid").format(
                    operations=_list(users)
                )
            )
        (other,) = [each for each in graph.inputs(sums[0]) if each != gate] or [gate]
        if (constant := graph.constant(other)) is not None:
            added = (added or 0.0) + constant
        elif diagonal and (seen := _other(graph, other, Tensor(diagonal), "Mul")):
            peeps.append(seen)
        else:
            raise _Unlike(
                _("its graph adds to a gate what {operations} gives").format(
                    operations=graph.node(other).kind
                )
            )
        gate = Tensor(sums[0].name)
    raise _Lost


def _open_both(graph: Graph, before: Tensor) -> tuple[Tensor, Tensor]:
    """A GRU's two gates: TensorFlow takes the sigmoid first, and older ones the halves."""
    for user in graph.users(before):
        if user.kind == "Sigmoid":
            halves = _split(graph, Tensor(user.name), 2)
            return halves[0], halves[1]
    (r, *r_more), (u, *u_more) = (_open_gate(graph, gate, None) for gate in _split(graph, before, 2))
    if any(r_more) or any(u_more):
        raise _Unlike(_("its graph adds a constant to its gates"))
    return r, u


def _times_function(graph: Graph, gate: Tensor, before: Tensor, what: str) -> tuple[Tensor, str]:
    """Where a gate meets a function of something, and which function."""
    others = []
    for user in graph.users(gate):
        if user.kind == "Mul" and (other := _other(graph, Tensor(user.name), gate, "Mul")):
            if function := _function(graph, other, before):
                return Tensor(user.name), function
            others.append(other)
    if not others:
        raise _Lost
    raise _Unlike(_say_between(graph, others[0], before, what))


def _add_kept(graph: Graph, entering: Tensor, keeping: Tensor) -> tuple[Tensor, Tensor]:
    """The new state, the sum of what enters and of what is kept of the old one; and the old one."""
    users = [user for user in graph.users(entering) if user.kind in _ADDS]
    for user in users:
        kept = _other(graph, Tensor(user.name), entering, *_ADDS)
        if kept and (old := _other(graph, kept, keeping, "Mul")):
            return Tensor(user.name), old
    if not graph.users(entering):
        raise _Lost
    raise _Unlike(
        _(
            "its graph gives what enters its state to {operations}, and does not add it to what is kept"
        ).format(operations=_list(graph.users(entering)))
    )


def _leave(graph: Graph, o: Tensor, c: Tensor) -> tuple[Tensor, str, Tensor, float | None]:
    """An LSTM's output, its activation, the state it is taken from, and what that is clipped at."""
    states: list[tuple[Tensor, float | None]] = [(c, None), *_clips(graph, c)]
    others = []
    for user in graph.users(o):
        if user.kind != "Mul" or not (other := _other(graph, Tensor(user.name), o, "Mul")):
            continue
        for state, clip in states:
            if function := _function(graph, other, state):
                return Tensor(user.name), function, state, clip
        others.append(other)
    if not others:
        raise _Lost
    raise _Unlike(_say_between(graph, others[0], c, _("its state")))


def _project(graph: Graph, m: Tensor, names: Mapping[str, str]) -> tuple[Tensor, dict[str, Any]]:
    """The output behind the projection, if there is one, and what it is clipped at."""
    name = names.get("projection/kernel")
    if name is None:
        return m, {}
    made = [Tensor(each.name) for each in _products(graph, name)]
    own = [each for each in made if graph.inputs(graph.node(each))[0] == m]
    if len(own) != 1:
        raise _Lost
    clips = dict(_clips(graph, own[0]))
    if not clips:
        return own[0], {}
    # Whether it is the state that is clipped, or what is done with it outside, is seen where the state is taken up.
    taken = set(_taken_states(graph, names))
    if len(clips) == 1 and any(clipped in taken for each in made for clipped, _clip in _clips(graph, each)):
        ((clipped, clip),) = clips.items()
        return clipped, {"proj_clip": clip}
    if any(each in taken for each in made):
        return own[0], {}
    raise _Lost


def _taken_states(graph: Graph, names: Mapping[str, str]) -> Iterator[Tensor]:
    """The states that steps take up: of a loop the one of its end."""
    for product in _products(graph, names["kernel"]):
        old = _old_state(graph, product)
        following = graph.next_of(old)
        yield old if following is None else _past_select(graph, following, old)


def _clips(graph: Graph, tensor: Tensor) -> Iterator[tuple[Tensor, float]]:
    """A tensor as `clip_by_value` leaves it, with the value it is clipped at."""
    for user in graph.users(tensor):
        given = graph.inputs(user)
        if user.kind == "ClipByValue" and given[0] == tensor:
            lowest, highest = map(graph.constant, given[1:3])
            if highest is not None and lowest == -highest and highest > 0:
                yield Tensor(user.name), _number(highest)
        elif user.kind == "Minimum" and (most := _other(graph, Tensor(user.name), tensor, "Minimum")):
            highest = graph.constant(most)
            for lower in graph.users(Tensor(user.name)):
                least = _other(graph, Tensor(lower.name), Tensor(user.name), "Maximum")
                if least and highest is not None and highest > 0 and graph.constant(least) == -highest:
                    yield Tensor(lower.name), _number(highest)


# --- Small parts


def _other(graph: Graph, tensor: Tensor, one: Tensor, *kinds: str) -> Tensor | None:
    """What one of these operations takes beside `one`; None where it takes that not, or is another operation."""
    node = graph.node(tensor)
    given = graph.inputs(node)
    one = graph.resolve(one)
    if node.kind not in kinds or len(given) != 2 or one not in given:
        return None
    return given[1] if given[0] == one else given[0]


def _function(graph: Graph, tensor: Tensor, before: Tensor) -> str | None:
    """The activation that makes one tensor of another; None where none does."""
    tensor, before = graph.resolve(tensor), graph.resolve(before)
    if tensor == before:
        return "linear"
    node = graph.node(tensor)
    if node.kind == "Mul":
        gate = _other(graph, tensor, before, "Mul")
        return "silu" if gate and _function(graph, gate, before) == "sigmoid" else None
    if len(node.inputs) != 1 or graph.inputs(node) != [before]:
        return None
    if node.kind == "LeakyRelu":
        return "leaky_relu" if abs(node.told["alpha"].f - 0.2) < 1e-6 else None
    return _FUNCTIONS.get(node.kind)


def _say_between(graph: Graph, last: Tensor, first: Tensor, what: str) -> str:
    kinds = describe_between(graph, last, first)
    return _(
        "its graph applies {operations} to {part}, which is none of the activations of the cells here"
    ).format(operations=", ".join(kinds[:6]) or _("something else"), part=what)


def _list(nodes: list[Node]) -> str:
    return ", ".join(list(dict.fromkeys(node.kind for node in nodes))[:6])


def _past_select(graph: Graph, tensor: Tensor, old: Tensor) -> Tensor:
    """A new state, past the choice that keeps the old one behind a sequence's end."""
    node = graph.node(tensor)
    given = graph.inputs(node)
    if node.kind in _SELECTS and len(given) == 3 and given[1] == graph.resolve(old):
        return given[2]
    return tensor


def _check_states(graph: Graph, uses: list[_Use]) -> bool:
    """Whether each step's new states are seen to be the next one's old ones.

    Raises:
        _Unlike: they are seen to be something else.
    """
    is_carried = False
    for k in range(len(uses[0].states)):
        made = {graph.resolve(use.states[k][1]) for use in uses}
        carried = False
        for use in uses:
            old, new = use.states[k]
            following = graph.next_of(old)
            if following is not None:
                following = _past_select(graph, following, old)
                if following != graph.resolve(new):
                    raise _Unlike(_say_changed(graph, following, new))
                carried = True
            elif old in made:
                carried = True
            elif graph.node(old).kind not in _STARTS:
                return False
        if not carried:
            return False
        is_carried = True
    return is_carried or not uses[0].states


def _say_changed(graph: Graph, following: Tensor, new: Tensor) -> str:
    kinds = describe_between(graph, following, new)
    return _("its graph changes its state between two steps, by {operations}").format(
        operations=", ".join(kinds[:6]) or _("another operation")
    )


def _number(value: float) -> float:
    """A 32-bit number as somebody wrote it: 0.3 and not 0.30000001192."""
    return float(f"{value:.7g}")
