"""Small graphs whose numbers are exact in float32, so that C and numpy must agree to the bit."""

from __future__ import annotations

import numpy as np

from edgernn.graph.ir import Graph

from ..compiled import Builder, noise

ROW = ((0, 1, 1), (0, 4, 1))


def pair() -> tuple[Builder, str]:
    b = Builder()
    return b, b.input("x", 1, 4)


def delay_line() -> Graph:
    """Each state becomes the one before it."""
    b, x = pair()
    first, second, third = (b.state(f"s{k}", noise((1, 4), k)) for k in range(3))
    return b.done(b.op("add", third, x), s0=x, s1=first, s2=second)


def delay_line_of_a_changing_state() -> Graph:
    b, x = pair()
    h, before = b.state("h", noise((1, 4))), b.state("before", noise((1, 4), 1))
    new = b.op("relu", b.op("sub", x, h))
    return b.done(b.op("add", new, before), h=new, before=h)


def swapped_states() -> Graph:
    b, x = pair()
    p, q = b.state("p", noise((1, 4))), b.state("q", noise((1, 4), 1))
    return b.done(b.op("sub", b.op("add", p, x), q), p=q, q=p)


def three_states_in_a_ring() -> Graph:
    b, x = pair()
    p, q, r = (b.state(name, noise((1, 4), k)) for k, name in enumerate("pqr"))
    return b.done(b.op("maximum", p, x), p=b.op("add", q, x), q=r, r=p)


def new_state_is_the_output() -> Graph:
    b, x = pair()
    new = b.op("relu", b.op("add", x, b.state("h", noise((1, 4)))))
    return b.done(new, h=new)


def old_state_is_the_output() -> Graph:
    b, x = pair()
    h = b.state("h", noise((1, 4)))
    return b.done(h, h=b.op("sub", x, h))


def old_state_is_read_late() -> Graph:
    b, x = pair()
    h = b.state("h", noise((1, 4)))
    new = b.op("sub", x, h)
    y = b.op("linear", new, b.constant("w", np.eye(4)[::-1]))
    return b.done(b.op("mul", y, h), h=new)


def state_turned() -> Graph:
    """The new state reads the old one at other places."""
    b = Builder()
    x, h = b.input("x", 3, 3), b.state("h", noise((3, 3)))
    return b.done(b.op("neg", x), h=b.op("add", b.op("transpose", h, perm=(1, 0)), x))


def state_shifted() -> Graph:
    b = Builder()
    x, past = b.input("x", 1, 1, 4), b.state("past", noise((1, 3, 4)))
    window = b.op("concat", past, x, axis=1)
    new = b.op("slice", window, bounds=((0, 1, 1), (1, 4, 1), (0, 4, 1)))
    return b.done(b.op("reduce_max", window, axes=(1,)), past=new)


def state_shifted_in_its_own_leaf() -> Graph:
    """The new state is a concatenation that starts with a part of the old one."""
    b = Builder()
    x, past = b.input("x", 1, 1, 4), b.state("past", noise((1, 3, 4)))
    late = b.op("slice", past, bounds=((0, 1, 1), (1, 3, 1), (0, 4, 1)))
    return b.done(b.op("relu", x), past=b.op("concat", late, x, axis=1))


def one_value_for_two_states() -> Graph:
    b, x = pair()
    p, q = b.state("p", noise((1, 4))), b.state("q", noise((1, 4), 1))
    new = b.op("add", b.op("sub", p, q), x)
    return b.done(new, p=new, q=new)


def state_is_part_of_another() -> Graph:
    b, x = pair()
    p, q = b.state("p", noise((1, 4))), b.state("q", noise((1, 2), 1))
    new = b.op("mul", b.op("add", p, x), b.constant("half", np.array(0.5)))
    part = b.op("slice", new, bounds=((0, 1, 1), (1, 4, 2)))
    return b.done(b.op("reduce_max", q, axes=(1,)), p=new, q=part)


def constants_as_results() -> Graph:
    b, x = pair()
    h = b.state("h", noise((1, 4)))
    k = b.constant("k", noise((1, 4), 3))
    return b.done(b.op("add", h, x), k, h=k)


def kept_state() -> Graph:
    b, x = pair()
    h = b.state("h", noise((1, 4)))
    return b.done(b.op("mul", h, x), h=h)


def two_outputs_of_one_value() -> Graph:
    b, x = pair()
    y = b.op("neg", x)
    return b.done(y, y, x)


def broadcasts_and_strides() -> Graph:
    """Views of all kinds: turned, cut, spread, joined, shrunk."""
    b = Builder()
    x = b.input("x", 2, 3, 4)
    t = b.op("transpose", x, perm=(2, 0, 1))
    cut = b.op("slice", t, bounds=((0, 4, 2), (0, 2, 1), (1, 3, 1)))
    flat = b.op("reshape", cut, shape=(4, 2))
    row = b.op("slice", flat, bounds=((0, 1, 1), (0, 2, 1)))
    wide = b.op("expand", row, shape=(4, 2))
    top = b.op("reduce_max", b.op("concat", flat, wide, axis=1), axes=(0,))
    most = b.op("reduce_max", x, axes=(0, 2))
    return b.done(b.op("sub", flat, wide), b.op("maximum", top, b.op("neg", top)), most)


GRAPHS = {
    g.__name__: g
    for g in (
        *(delay_line, delay_line_of_a_changing_state, swapped_states, three_states_in_a_ring),
        *(new_state_is_the_output, old_state_is_the_output, old_state_is_read_late),
        *(state_turned, state_shifted, state_shifted_in_its_own_leaf, one_value_for_two_states),
        *(state_is_part_of_another, constants_as_results, kept_state, two_outputs_of_one_value),
        *(broadcasts_and_strides,),
    )
}
