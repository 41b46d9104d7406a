"""onnxscript's rewrite rules, tried only on nodes that may end what they look for.

Its optimizer tries each rule on each node, and one of them, two slices of one value, on each node
with every slice there is: a third of what a capture takes for a step of some hundred nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any

from edgernn.replaced import replaced

MATCHER, MATCH = "onnxscript.rewriter._matcher:SimplePatternMatcher", "match"


def tried_where_due() -> AbstractContextManager[None]:
    """Optimizers within make the same of a graph, faster; those that match otherwise go on so."""
    return replaced(MATCHER, MATCH, _due)


def _due(match: Callable[..., Any]) -> Callable[..., Any]:
    """As `match`, but fails at once where the node has another operator than a pattern ends in."""
    from onnxscript.rewriter import MatchResult

    @wraps(match)
    def due(matcher: Any, model: Any, graph: Any, node: Any, **options: Any) -> Any:
        ends = getattr(matcher.pattern, "output_nodes", ())
        if ends and not ends[0].op.matches(node.op_type):
            return MatchResult().fail(f"{node.op_type} is not {ends[0].op}")
        return match(matcher, model, graph, node, **options)

    return due
