"""Integer weights and matvec inputs, 16-bit elementwise values and states, no float between.

Post-training, from ranges seen on real frames. Weights are symmetric, see `integer_weights`;
8-bit matvec inputs have a scale and a zero point, which is folded into the bias; everything
between two matvecs is 16-bit fixed point with power-of-two scales (see `fixed_point`). A state
that is only moved (the past of a convolution) is stored in the type of what is moved, a state
that is computed in 16 bits, or in 8 where the number type says so. Tables of vectors have 8
bits and a scale a row, or the type of what their vectors meet, whichever takes fewer bytes.
Parts without quantizable weights (the front end) stay float32.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgernn.backend import Array
from edgernn.errors import DataError
from edgernn.graph import fixed_point as fx
from edgernn.graph.calibrate import Range, eight_bit, widest
from edgernn.graph.integer_weights import IntegerWeights, integer_weights, row_bytes
from edgernn.graph.ir import MOVEMENT, Graph, Node, PassResult, Quant, StateEdge, Value
from edgernn.graph.number_type import NUMBER_TYPES, NumberType
from edgernn.graph.passes.gate_scales import GATES, capped, gate_groups, unit, unit_groups
from edgernn.graph.passes.storage import Storage
from edgernn.graph.passes.weight_forms import table_form, weight_forms

BIAS_TOP = 1 << 28  # of a bias as an integer, so that sums stay within 32 bits; our choice
HEADROOM = 1.1  # on the widest value seen, for 16-bit values; our choice
SCALE_BYTES = 4  # of a vector's scale
FACTOR_BITS = (
    24  # fraction bits of a constant factor, at most: 1 / 255 has its 15 digits; our choice
)


def int8_quant(low: float, high: float) -> Quant:
    """Scale and zero point that cover [low, high] (which hold zero) in 8 bits."""
    scale = max(high - low, 1e-6) / 254
    return Quant(scale, int(np.clip(round(-127 - low / scale), -127, 127)))


def int16_quant(low: float, high: float, most: int = 15) -> Quant:
    """The finest power-of-two scale that holds [low, high] with headroom; at most `most` bits."""
    top = max(-low, high, 2.0 ** (1 - most)) * HEADROOM
    return Quant(2.0 ** -min(most, int(np.floor(np.log2(32767 / top)))))


class _Quantizer:
    """Builds the quantized graph node by node; `where` says what a float value has become."""

    def __init__(self, graph: Graph, ranges: dict[str, Range], type_: NumberType) -> None:
        self.old, self.ranges, self.type = graph, ranges, type_
        self.narrow = f"int{type_.input_bits}"
        self.storage = Storage(graph, self.narrow, f"int{type_.state_bits}")
        self.graph = graph.copy()
        self.graph.nodes = []
        self.where: dict[str, str] = {}
        self.cache: dict[tuple[str, str], str] = {}
        self.members = self.storage.members()
        self.units, self.gates = unit_groups(self.storage), gate_groups(self.storage)
        self.drops = self._held_drops()
        self.quants = {g: self._group_quant(g, m) for g, m in self.members.items()}
        self.forms = weight_forms(graph, self.storage.heavy, type_)

    def _seen(self, names: list[str], kind: str) -> Quant:
        seen = [self.ranges[name] for name in names if name in self.ranges]
        if not seen:
            raise DataError(f"calibration never reached {names[0]}")
        return int8_quant(*eight_bit(seen)) if kind == "int8" else int16_quant(*widest(seen))

    def _group_quant(self, group: str, members: list[str]) -> Quant | None:
        kind = self.storage.kind[group]
        if kind == "float32":
            return None
        quant = self._seen(members, kind)
        if group in self.drops:
            return Quant(quant.scale * 2.0 ** self.drops[group])
        if kind == "int16" and group in self.units:
            ends = [end for m in members for end in self.ranges[m].extremes()]
            return unit() if max(map(abs, ends)) <= 1 else quant
        return capped(quant) if kind == "int16" and group in self.gates else quant

    def _held_drops(self) -> dict[str, int]:
        """By group that is held in 16 bits: the low bits that its products would give up.

        The group gives them up itself, so that its products read what is held as it is.
        """
        held = {self.storage.root(n.output) for n in self.old.nodes if n.op == "hold"}
        drops = {group: 0 for group in held if self.storage.kind[group] == "int16"}
        for node in self.old.nodes:
            group = self.storage.root(node.inputs[0]) if node.inputs else ""
            if node.output in self.storage.heavy and group in drops and not _alone(node):
                weight = self.old.constants[node.inputs[1]]
                flat = weight.reshape(weight.shape[0], -1).astype(np.float64)
                made = integer_weights(flat, self.type.weight_bits, self.type.chunk)
                drops[group] = max(drops[group], _drop(made.sums(absolute=True)))
        return drops

    def emit(self, op: str, name: str, inputs: list[str], value: Value, **attrs: object) -> str:
        """Append a node that makes a fresh value."""
        output = self.graph.fresh(name)
        self.graph.values[output] = value
        self.graph.nodes.append(Node(op, name, tuple(inputs), output, attrs))
        return output

    def convert(self, source: str, dtype: str, quant: Quant | None) -> str:
        """`source` (a value of the new graph) in another type or scale; made at most once."""
        have = self.graph.values[source]
        if (have.dtype, have.quant) == (dtype, quant):
            return source
        key = (source, f"{dtype}:{quant}")
        if key in self.cache:
            return self.cache[key]
        want = Value(have.shape, dtype, quant)
        stem = f"{source}.{dtype}"
        if quant is None:
            made = self.emit("dequantize", stem, [source], want)
        elif have.quant is None:
            made = self.emit("quantize", stem, [source], want)
        else:
            mult, shift = self._ratio(have, want)
            made = self.emit("requantize", stem, [source], want, mult=mult, shift=shift)
        self.cache[key] = made
        return made

    def _ratio(self, have: Value, want: Value) -> tuple[int, int]:
        """Multiplier and shift between two scales; a bare shift between 16-bit ones."""
        assert have.quant
        assert want.quant
        if have.dtype == want.dtype == "int16":
            return 1, have.quant.frac - want.quant.frac
        return fx.multiplier(have.quant.scale / want.quant.scale, 15)

    def constant(self, name: str, dtype: str, quant: Quant | None, most: int = 15) -> str:
        """A constant in a type of its own; 16-bit ones choose their scale themselves."""
        array = self.old.constants[name]
        if quant is None and dtype == "int16":
            ends = min(0.0, float(array.min())), max(0.0, float(array.max()))
            quant = int16_quant(*ends, most)
        if quant is None or array.dtype != np.float32:
            return name
        stored = fx.quantize(array, quant.scale, quant.zero_point, dtype)
        made = self.graph.add_constant(f"{name}.{dtype}", stored)
        self.graph.values[made] = Value(array.shape, dtype, quant)
        return made

    def settle(self, original: str, made: str) -> None:
        """Bring a node's result into the type its group is stored in."""
        group = self.storage.root(original)
        self.where[original] = self.convert(made, self.storage.kind[group], self.quants[group])

    def move(self, node: Node) -> None:
        group = self.storage.root(node.output)
        kind, quant = self.storage.kind[group], self.quants[group]
        inputs = [
            self.constant(i, kind, quant) if i in self.old.constants else self.where[i]
            for i in node.inputs
        ]
        value = self.old.values[node.output]
        if value.dtype == "float32":  # tokens stay what they are
            value = replace(value, dtype=kind, quant=quant)
        self.where[node.output] = self.emit(node.op, node.output, inputs, value, **node.attrs)

    def gather(self, node: Node) -> None:
        """Vectors of a table as integers with a scale for each, where that takes fewer bytes."""
        name, kind = node.inputs[0], self.storage.of(node.output)
        table, value = self.old.constants[name], self.old.values[node.output]
        flat = table.reshape(len(table), -1).astype(np.float64)
        bits, chunk = table_form(flat, self.type)
        stored = row_bytes(flat.shape[1], bits, chunk) + SCALE_BYTES
        smaller = stored < flat.shape[1] * np.dtype(kind).itemsize
        if name in self.old.keep_float or value.dtype != "float32" or not smaller:
            self.move(node)
            return
        made = integer_weights(flat, bits, chunk)
        scale, attrs = made.scale.astype(np.float32), {"bits": bits}
        reach = np.abs(made.rows * made.gains_by_column())
        if kind != "float32":
            out = self._product_quant(node)
            value = replace(value, dtype="int16", quant=out)
            scale, scaling = _multipliers(node, made.scale / out.scale, reach)
            attrs |= scaling
        parts = [("int", made.rows.reshape(table.shape)), ("scale", scale)]
        parts += [] if made.gain is None else [("gain", made.gain)]
        integers, *others = [self.graph.add_constant(f"{name}.{part}", a) for part, a in parts]
        inputs = [integers, self.where[node.inputs[1]], *others]
        self.settle(node.output, self.emit("qgather", node.output, inputs, value, **attrs))

    def heavy(self, node: Node) -> None:
        """Linear or conv1d in integers: onto int32, rescaled to 16 bits."""
        weight = self.old.constants[node.inputs[1]]
        flat = weight.reshape(weight.shape[0], -1).astype(np.float64)
        bits, chunk = self.forms[node.output]
        kind = "int8" if _alone(node) else self.narrow
        made = integer_weights(flat, bits, chunk)
        source, reach = self._product_input(node, made, kind)
        quant = self.graph.values[source].quant
        assert quant
        bias = self.old.constants[node.inputs[2]] if len(node.inputs) > 2 else np.zeros(len(flat))
        least = np.abs(bias.astype(np.float64)) / (quant.scale * BIAS_TOP)
        if (made.scale < least).any():  # beside such a bias its row's finest steps do not show
            made = integer_weights(flat, bits, chunk, least)
        start = np.rint(bias / (made.scale * quant.scale)) - quant.zero_point * made.sums()
        reach = np.abs(start) + reach
        if reach.max() >= 1 << 30:
            raise DataError(f"{node.name}: a bias of {np.abs(bias).max():.3g} overflows int32")
        out = self._product_quant(node)
        mult, scaling = _multipliers(node, made.scale * quant.scale / out.scale, reach)
        parts = [("int", made.rows.reshape(weight.shape)), ("start", start.astype(np.int32))]
        parts += [("mult", mult)] + ([] if made.gain is None else [("gain", made.gain)])
        names = [self.graph.add_constant(f"{node.inputs[1]}.{part}", a) for part, a in parts]
        value = replace(self.old.values[node.output], dtype="int16", quant=out)
        attrs = {**node.attrs, **scaling, "bits": bits}
        product = self.emit(f"q{node.op}", node.output, [source, *names], value, **attrs)
        self.settle(node.output, product)

    def _product_input(
        self, node: Node, weights: IntegerWeights, kind: str
    ) -> tuple[str, np.int64 | Array]:
        """The input of a product as integers, and the greatest sum that each row can reach.

        16-bit inputs give up low bits where their sums could leave 32 bits.
        """
        source = self.where[node.inputs[0]]
        have = self.graph.values[source]
        quant = have.quant
        if have.dtype != kind or quant is None:
            quant = self._seen(self.members[self.storage.root(node.inputs[0])], kind)
            source = self.convert(source, kind, quant)
        sums = weights.sums(absolute=True)
        if kind == "int8":
            return source, 127 * sums
        given = self.drops.get(self.storage.root(node.inputs[0]), 0)
        drop = max(given, _drop(sums))
        if drop > given:
            source = self.convert(source, kind, Quant(quant.scale * 2.0 ** (drop - given)))
        return source, (32768 >> drop) * sums

    def hold(self, node: Node) -> None:
        """What is held until it moves, in the type of the products that read it.

        Rows of which each has a short last block are held as floats.
        """
        group = self.storage.root(node.output)
        quant, block, kind = self.quants[group], node.attrs["block"], self.narrow
        value = replace(self.old.values[node.output], dtype=kind, quant=quant)
        ragged = value.size != value.shape[-1] and value.shape[-1] % block
        if self.storage.kind[group] != kind or quant is None or ragged:
            self.float_node(node)
            return
        source = self.where[node.inputs[0]]
        if drop := self.drops.get(group, 0):  # saturates at the range of the finer scale
            source = self.convert(source, kind, Quant(quant.scale / 2.0**drop))
        x = self.convert(source, kind, quant)
        inputs = [x, self.where[node.inputs[1]]]
        bits, chunk = self.forms[node.output]
        attrs = {"block": block, "chunk": chunk, "bits": bits}
        attrs |= _limits(node.attrs["threshold"] / quant.scale, block, value)
        self.where[node.output] = self.emit("qhold", node.output, inputs, value, **attrs)

    def _product_quant(self, node: Node) -> Quant:
        group = self.storage.root(node.output)
        shared = self.quants[group] if self.storage.kind[group] == "int16" else None
        return shared or self._seen([node.output], "int16")

    def integer(self, node: Node) -> None:
        """The 16-bit twin of an elementwise node."""
        inputs = []
        for name in node.inputs:
            if name in self.old.constants:
                most = FACTOR_BITS if node.op == "mul" else 15
                inputs.append(self.constant(name, "int16", None, most))
                continue
            source = self.where[name]
            if self.graph.values[source].dtype != "int16":
                source = self.convert(source, "int16", self._seen([name], "int16"))
            inputs.append(source)
        quant = unit() if node.op in GATES else self._product_quant(node)
        value = replace(self.old.values[node.output], dtype="int16", quant=quant)
        self.settle(node.output, self.emit(f"q{node.op}", node.output, inputs, value, **node.attrs))

    def float_node(self, node: Node) -> None:
        inputs = [
            i if i in self.old.constants else self.convert(self.where[i], self.float_type(i), None)
            for i in node.inputs
        ]
        value = self.old.values[node.output]
        self.settle(node.output, self.emit(node.op, node.output, inputs, value, **node.attrs))

    def float_type(self, name: str) -> str:
        return self.old.values[name].dtype

    def begin(self) -> None:
        """Inputs stay as the caller gives them; states take the type of their group."""
        for name in self.old.inputs:
            if self.old.values[name].dtype == "float32":
                self.settle(name, name)
            else:
                self.where[name] = name
        states = []
        for state in self.old.states:
            group = self.storage.root(state.name)
            kind, quant = self.storage.kind[group], self.quants[group]
            init: Array = state.init
            if quant is not None:
                init = fx.quantize(init, quant.scale, quant.zero_point, kind)
                value = replace(self.old.values[state.name], dtype=kind, quant=quant)
                self.graph.values[state.name] = value
            self.where[state.name] = state.name
            states.append(StateEdge(state.name, state.new, init))
        self.graph.states = states

    def finish(self) -> None:
        self.graph.states = [
            StateEdge(s.name, self.where[s.new], s.init) for s in self.graph.states
        ]
        outputs = [self.convert(self.where[n], self.float_type(n), None) for n in self.old.outputs]
        self.graph.outputs = outputs


def _multipliers(node: Node, factors: Array, reach: Array) -> tuple[Array, dict[str, int]]:
    """By which rows are rescaled, and the attributes `lead` and `shift`. reach: greatest sums."""
    try:
        mult, lead, shift = fx.row_multipliers(factors, int(reach.max()))
    except OverflowError as cause:
        raise DataError(f"{node.name}: {cause}; calibrate with frames of real data") from cause
    return mult, {"lead": lead, "shift": shift}


def _alone(node: Node) -> bool:
    """Whether a product has few columns a row, and so 8 bits and one scale a row."""
    return bool(node.attrs.get("groups", 1) > 1)


def _drop(sums: Array) -> int:
    """Low bits that 16-bit inputs give up, so that rows of these absolute sums fit 30 bits."""
    return max(0, int(32768 * int(sums.max())).bit_length() - 29)


def _limits(threshold: float, block: int, value: Value) -> dict[str, int]:
    """What moves must exceed, from a threshold in steps of the type: single ones or squares.

    last: of what remains of the channels behind whole blocks. None is beyond the widest move.
    """
    widest = 2 * np.iinfo(value.dtype).max
    if block == 1:
        return {"limit": int(min(threshold, widest)), "last": 0}
    square = min(threshold, widest) ** 2
    return {"limit": int(block * square), "last": int(value.size % block * square)}


def run(
    graph: Graph, ranges: dict[str, Range], type_: NumberType = NUMBER_TYPES["w8a8"]
) -> PassResult:
    """The quantized twin of a simplified float graph. Raises: DataError on unusable ranges."""
    work = _Quantizer(graph, ranges, type_)
    for name in [n.output for n in graph.nodes]:  # free the names for their quantized twins
        del work.graph.values[name]
    work.begin()
    for node in graph.nodes:
        if node.op in MOVEMENT:
            work.move(node)
        elif node.op == "gather" and node.inputs[0] in graph.constants:
            work.gather(node)
        elif node.op == "hold":
            work.hold(node)
        elif node.output in work.storage.heavy:
            work.heavy(node)
        elif node.output in work.storage.integer:
            work.integer(node)
        else:
            work.float_node(node)
    work.finish()
    made = work.graph.nodes
    counts = [f"{sum(n.op == op for n in made)} {op}" for op in ("qlinear", "qconv1d", "qgather")]
    alone = work.storage.only_multiplied
    kinds = [
        _stored(s.name, work.graph.values[s.name], work.storage.root(s.name) in alone)
        for s in work.graph.states
    ]
    return PassResult(work.graph, True, (", ".join(counts), *kinds))


def _stored(state: str, value: Value, only_multiplied: bool) -> str:
    """What a state has become, and why."""
    if value.quant is None:
        return f"state {state} stays {value.dtype}: no integer product makes it or alone reads it"
    if value.dtype == "int8":
        scale, zero = value.quant.scale, value.quant.zero_point
        why = "only products read it" if only_multiplied else "computed, and kept in 8 bits"
        return f"state {state} is int8, {scale:.3g} (x {-zero:+d}): {why}"
    return f"state {state} is {value.dtype}, x / 2**{value.quant.frac}: computed in 16 bits"
