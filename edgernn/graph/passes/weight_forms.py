"""In how many bits each product's weights are stored, and whether chunks of columns have gains.

A single row keeps 8 bits, unless fewer hold it exactly: what it gives is held against a threshold,
not against what other rows give, and it has few bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set

from edgernn.backend import Array
from edgernn.graph.integer_weights import fewest_bits
from edgernn.graph.ir import Graph, Node
from edgernn.graph.number_type import LEAST_TABLE_BITS, TABLE_BITS, NumberType

Form = tuple[int, int]  # bits of a weight; columns that share a gain, 0 for a whole row


def weight_forms(graph: Graph, heavy: Set[str], type_: NumberType) -> dict[str, Form]:
    """The form of each product by its output, and of each hold by its own.

    heavy: outputs of the products that become integers. Products that read one hold share its list
    of what moved, so they share a form too: the one that serves them all.
    """
    plain = type_.weight_bits, type_.chunk
    forms: dict[str, Form] = {}
    readers: dict[str, list[str]] = defaultdict(list)
    single: set[str] = set()  # these take the form of the others behind their hold
    producers = graph.producers()
    for node in graph.nodes:
        if node.op == "hold":
            forms[node.output] = plain
        if node.output not in heavy:
            continue
        forms[node.output] = _form(graph, node, type_, plain)
        if keeps_bits(graph.constants[node.inputs[1]], type_):
            single.add(node.output)
        source = producers.get(node.inputs[0])
        while source is not None and source.op == "reshape":
            source = producers.get(source.inputs[0])
        if source is not None and source.op == "hold":
            readers[source.output].append(node.output)
    for held, outputs in readers.items():
        several = [output for output in outputs if output not in single] or outputs
        shared = _widest([forms[output] for output in several])
        forms |= dict.fromkeys([held, *outputs], shared)
    return forms


def _form(graph: Graph, node: Node, type_: NumberType, plain: Form) -> Form:
    if node.attrs.get("groups", 1) > 1:  # few columns: 8 bits and one scale a row
        return 8, 0
    weight = graph.constants[node.inputs[1]]
    if not type_.fewest and not keeps_bits(weight, type_):
        return plain
    return fewest_bits(weight.reshape(len(weight), -1).astype("float64"))


def keeps_bits(weight: Array, type_: NumberType) -> bool:
    """Whether it is a single row in a type of fewer than 8 bits."""
    return len(weight) == 1 and type_.weight_bits < 8


def table_form(table: Array, type_: NumberType) -> Form:
    """The form of a table's rows (R, C)."""
    if not type_.fewest:
        return TABLE_BITS, 0
    bits, chunk = fewest_bits(table)
    return max(bits, LEAST_TABLE_BITS), chunk


def _widest(forms: list[Form]) -> Form:
    """The form that holds what any of these holds; gains are for fewer than 8 bits."""
    bits = max(bits for bits, _ in forms)
    return bits, max(chunk for _, chunk in forms) if bits < 8 else 0
