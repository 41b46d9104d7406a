"""Gates in few bits: cells whose sigmoid and tanh are those of an analog crossbar's ramp converter.

Source: Yang et al. 2025, arXiv:2411.18271; `layers.ramp` tells of levels and noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from edgernn.compress.torchs import hides_its_steps, torchs_own
from edgernn.errors import ModelError
from edgernn.layers.ramp import RampFunctions, check_ramp


@dataclass(frozen=True, slots=True)
class Activations:
    """In how many bits gates are given.

    bits: of each gate, 2 to 8. noise: in training, standard deviation before rounding, in levels.
    """

    bits: int = 5
    noise: float = 0.0

    def __post_init__(self) -> None:
        check_ramp("activations", self.bits, self.noise)

    def apply(self, network: nn.Module) -> None:
        """Give every cell such functions.

        Raises: ModelError if the network has no cell, or a recurrent layer that is torch's own.
        """
        if hidden := torchs_own(network):
            raise hides_its_steps("activations", hidden)
        cells: list[Any] = [m for m in network.modules() if hasattr(m, "functions")]
        cells = [cell for cell in cells if isinstance(getattr(cell, "rnn", None), nn.RNNBase)]
        if not cells:
            raise ModelError("activations: the network has no RNN, GRU or LSTM of edgernn.cells")
        for cell in cells:
            cell.functions = RampFunctions(self.bits, self.noise)
