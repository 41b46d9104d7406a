"""Number types by name: how many bits a weight, and how many the input of a product has.

    fp32       everything float32
    w8a8       int8 weights and inputs
    w8a16      int8 weights, 16-bit inputs, for states that 8 bits would wear down
    w4a8       4-bit weights in chunks of 32 columns, each with a whole-numbered gain of its own
    w4a8-row   4-bit weights, one scale a row: smaller, faster, coarser
    w2a8       2-bit weights in chunks; meant for weights trained for it
    w2a8-row   2-bit weights, one scale a row
    mixed      each matrix in the fewest bits that hold it exactly, else in 8: for weights that were
               trained on such grids, each matrix on its own

Tables of vectors (embeddings) have 8 bits: no sum evens out the error of a single vector. `mixed`
stores them in 4 if that holds them exactly. A product of a single row has 8 bits too, or fewer if
they hold it exactly. Between two products values have 16 bits in all of them
but fp32, and so have states that are computed. With `-s8` behind it, as in `w8a8-s8`, a type stores
these states in 8 bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from edgernn.errors import UnknownName

TABLE_BITS = 8  # of a table's integers
LEAST_TABLE_BITS = 4  # of one that was trained for fewer


@dataclass(frozen=True, slots=True)
class NumberType:
    """Bits of a weight and of a product's input; columns that share a gain (0: all of a row).

    fewest: weights that fewer bits hold exactly get fewer. state_bits: of states that are computed.
    """

    name: str
    weight_bits: int
    input_bits: int
    chunk: int = 0
    fewest: bool = False
    state_bits: int = 16

    @property
    def quantized(self) -> bool:
        return self.weight_bits < 32


NUMBER_TYPES = {
    one.name: one
    for one in (
        NumberType("fp32", 32, 32),
        NumberType("w8a8", 8, 8),
        NumberType("w8a16", 8, 16),
        NumberType("w4a8", 4, 8, 32),
        NumberType("w4a8-row", 4, 8),
        NumberType("w2a8", 2, 8, 32),
        NumberType("w2a8-row", 2, 8),
        NumberType("mixed", 8, 8, fewest=True),
    )
}
SMALL_STATE = "-s8"


def find_number_type(name: str, known: Iterable[str] = NUMBER_TYPES) -> NumberType:
    """The number type of this name, of those that are `known`, with or without `-s8`.

    Raises: UnknownName with the nearest names.
    """
    plain = name.removesuffix(SMALL_STATE)
    if plain not in known or plain not in NUMBER_TYPES:
        raise UnknownName("number type", name, tuple(known))
    type_ = NUMBER_TYPES[plain]
    if plain == name:
        return type_
    if not type_.quantized:
        raise UnknownName("number type", name, [f"{n}{SMALL_STATE}" for n in known if n != plain])
    return replace(type_, name=name, state_bits=8)
