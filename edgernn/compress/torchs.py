"""torch's own recurrent layers: what is done to weights works on them as on any cell of ours.

What changes a step (a hold, gates in few bits, rounded reads) needs a cell that shows its steps;
torch computes them all in one call.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from edgernn.errors import ModelError
from edgernn.layout import sort_of


def torchs_own(network: nn.Module) -> dict[str, nn.RNNBase]:
    """By name, torch's recurrent layers that no cell of ours steps."""
    ours = {id(getattr(m, "rnn", None)) for m in network.modules() if hasattr(m, "functions")}
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.RNNBase) and id(module) not in ours
    }


def hides_its_steps(where: str, found: Mapping[str, nn.Module]) -> ModelError:
    """The error for layers that a method cannot act on, with the mend."""
    named = ", ".join(f"{name or 'the network'} ({sort_of(m)})" for name, m in found.items())
    return ModelError(
        f"{where}: {named}: torch's own layer hides its steps; put "
        "edgernn.from_torch.from_torch(layer), a cell of the same weights, in its place"
    )
