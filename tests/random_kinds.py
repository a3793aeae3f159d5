"""Equations that nobody has thought of: drawn operation by operation, for kinds that are declared as anybody's own."""

from __future__ import annotations

import random
from collections.abc import Callable

from lstmviz.equation import (
    activate,
    clip,
    concat,
    exp,
    log,
    maximum,
    norm,
    sigmoid,
    softplus,
    split,
    sqrt,
    tanh,
)

ACTIVATIONS = ("relu", "tanh", "softsign", "gelu", "elu", "hard_sigmoid", "leaky_relu")


class Draw:
    """One equation: its gates and new states, drawn from x, old states and weights.

    Args:
        seed: What makes it repeatable.
        x: The input.
        states: The old states, by name.
        w: The weights.
        decay: An option.
    """

    def __init__(self, seed: int, x, states: dict, w, decay) -> None:
        self.random, self.x, self.states, self.w, self.decay = random.Random(seed), x, states, w, decay
        self.pool = list(states.values())
        self.gates: list = []
        self.letters = list("fgijoruz")
        self.count = 0

    def weight(self, letter: str):
        self.count += 1
        return self.w(f"{letter}{self.count}")

    def product(self):
        """A kernel's product with x, states, gated states and what was made of them, with or without a bias."""
        old = list(self.states.values())
        parts = [self.x, *self.random.sample(old, self.random.randint(0, len(old)))]
        if self.gates and len(parts) > 1 and self.random.random() < 0.3:
            parts[-1] = parts[-1] * self.random.choice(self.gates)
        if self.random.random() < 0.2:
            parts[self.random.randrange(len(parts))] = self.random.choice(self.pool)
        made = (concat(*parts) if len(parts) > 1 else parts[0]) @ self.weight("k")
        return made + self.weight("b") if self.random.random() < 0.6 else made

    def leaf(self):
        kind = self.random.choice(("pool", "pool", "gate", "product", "product", "peephole", "layer"))
        if kind == "gate" and self.gates:
            return self.random.choice(self.gates)
        if kind == "peephole":
            return self.weight("v") * self.random.choice(self.pool)
        if kind == "layer":
            return tanh(self.x @ self.weight("k"))
        return self.product() if kind == "product" else self.random.choice(self.pool)

    def value(self, depth: int):
        """An expression of so many operations one in the other."""
        if not depth:
            return self.leaf()
        a = self.value(depth - 1)

        def b():
            return self.value(depth - 1)

        made: list[Callable] = [
            lambda: a + b(), lambda: a - b(), lambda: 1 - a, lambda: a * b(), lambda: -a, lambda: 0.5 * a + 1.0,
            lambda: self.decay * a, lambda: a / (2 + exp(0.1 * b())), lambda: maximum(a, b()), lambda: clip(a, 0.8),
            lambda: sqrt(1 + a * a), lambda: log(1 + a * a), lambda: softplus(a),
            lambda: norm(a, self.weight("g"), self.weight("e")),
            lambda: activate(self.random.choice(ACTIVATIONS), a),
        ]  # fmt: skip
        return self.random.choice(made)()

    def name(self, value) -> None:
        self.gates.append(value.called(self.letters.pop(0)))
        self.pool.append(self.gates[-1])

    def draw(self) -> dict:
        """The new states."""
        z = concat(self.x, *self.states.values()) @ self.w("kernel") + self.w("bias")
        letters = self.letters[: self.random.randint(1, 3)]
        for part in split(letters, z):
            self.name(self.random.choice((sigmoid, sigmoid, tanh))(part))
        for _more in range(self.random.randint(0, 2)):
            self.name(
                self.random.choice((sigmoid, tanh, lambda each: each))(self.value(self.random.randint(0, 2)))
            )
        new: dict = {}
        for name in self.random.sample(list(self.states), len(self.states)):
            gate = self.random.choice(self.gates)
            made: list[Callable] = [
                *[lambda old=self.states[name], gate=gate: gate * old + self.value(1)] * 4, lambda: self.value(2),
                lambda: self.random.choice(list(self.states.values())), lambda gate=gate: gate,
                lambda gate=gate: gate * tanh(self.random.choice(self.pool)),
            ]  # fmt: skip
            new[name] = self.random.choice([*made, *(lambda each=each: each for each in new.values())])()
            self.pool.append(new[name])
        # A gate that is in no state would have weights that are in none, which is refused.
        new["h"] = sum(self.gates, new["h"])
        return {name: new[name] for name in self.states}


def make_step(seed: int) -> Callable:
    """The equation of a number: one to three states, an option."""

    def one(x, h, w, *, decay=0.5):
        return Draw(seed, x, {"h": h}, w, decay).draw()

    def two(x, c, h, w, *, decay=0.5):
        return Draw(seed, x, {"c": c, "h": h}, w, decay).draw()

    def three(x, n, h, c, w, *, decay=0.5):
        return Draw(seed, x, {"n": n, "h": h, "c": c}, w, decay).draw()

    return (one, two, three)[seed % 3]
