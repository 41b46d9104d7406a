"""What reaches along time, and the layer of ours that streams it: a rule an operation.

A rule gives the value of a node, or None where what it sees is nothing along time; found by the
layer's class, the function, or the method's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgernn.plain.build import Rule
from edgernn.plain.rules import attention, cuts, layers, recurrent, so_far, windows

RULES: Mapping[Any, Rule] = {
    operation: rule
    for file in (attention, cuts, layers, recurrent, so_far, windows)
    for operation, rule in file.RULES.items()
}
