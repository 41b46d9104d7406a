"""What rules read of a node, and what they share."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from torch import Tensor, fx

from edgernn.plain.build import Building, Rule
from edgernn.plain.values import Frames


def input_of(make: Building, node: fx.Node) -> Frames:
    """What a node reads first. Raises: UnsupportedOp if it is nothing made of frames."""
    first = node.args[0] if node.args else next(iter(node.kwargs.values()))
    value = make.value(first)
    if not isinstance(value, Frames):
        raise make.refuse(node, "reads something else than frames of the input")
    return value


def need_time(make: Building, node: fx.Node, x: Frames, batch_first: bool) -> None:
    """Raises: UnsupportedOp if a layer reads time on another axis than that of the frames."""
    if x.frames != int(batch_first):
        raise make.refuse(
            node,
            f"has batch_first={batch_first}, so it reads time on axis {int(batch_first)}, but the "
            f"frames are on axis {x.frames} there: say batch_first={not batch_first}, or where "
            f"the example has its frames, as in streamify(module, example, frames={1 - x.frames})",
        )


def bound(node: fx.Node, names: tuple[str, ...]) -> dict[str, Any]:
    """Arguments by name, those that are given."""
    return {**dict(zip(names, node.args, strict=False)), **node.kwargs}


def axis_of(dim: Any, x: Frames) -> int:
    """An axis counted from the first; -1 for several."""
    dim = dim[0] if isinstance(dim, (tuple, list)) and len(dim) == 1 else dim
    return dim % len(x.shape) if isinstance(dim, int) else -1


def reduced(node: fx.Node) -> Any:
    """The axis of a reduction."""
    given = bound(node, ("input", "dim"))
    return given.get("dim", given.get("axis"))


def allow(make: Building, node: fx.Node, frames: Fraction, what: str, mend: str) -> None:
    """Take so many input frames of the delay that is left. Raises: UnsupportedOp if it is less."""
    if frames > make.delay:
        raise make.refuse(
            node,
            f"{what}, so that it sees {float(frames):g} frames of the input ahead; {mend}, or "
            f"allow that its output comes later: delay={float(frames):g}",
        )
    make.delay -= int(frames)


def cut(make: Building, node: fx.Node, x: Frames, first: int) -> Frames:
    """Without the first frames, or with so many zeros in front; what is at the end is no matter."""
    if first < 0:
        x = make.blank(x, node.name)
    shape = tuple(make.seen(node).shape)
    more = x.more + shape[x.frames] - x.shape[x.frames]
    ref = make.do(node.name, "function", _same, x.ref)
    return replace(x, ref=ref, shape=shape, delay=x.delay + first, more=more)


def _same(x: Tensor) -> Tensor:
    return x


def all_of(rule: Rule, *targets: Any) -> dict[Any, Rule]:
    """One rule for several operations."""
    return dict.fromkeys(targets, rule)
