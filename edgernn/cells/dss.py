"""DSS: diagonal state spaces whose channels share their states' rates, each at its own pace."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgernn.cells.ssm import SSM, STABLE, ssm_layout
from edgernn.errors import UnknownName
from edgernn.streaming import Example

BEGIN = ("skew", "random")
MOST = 1.99  # of a random rate; a decay of "best" is below 2


class DSS(SSM):
    """An `SSM` whose N complex rates are those of all channels; dt, c and d are each one's own.

        s' = exp(dt a) s + x;  y = Re(w b s') + d x;  b = (exp(dt a) - 1) / a,  a = -decay + i f

    That is the kernel DSS_exp. Its twin DSS_softmax divides by the length of the sequence, which a
    stream has not.

    begin: where the rates do. "skew" is decay 1/2 and f the upper half of the eigenvalues of the
    skew-symmetric part of HiPPO-LegS; "random", as in GSS, both exp of a normal number, at
    most 1.99.

    Weights: as those of an `SSM`, but `log_decay` and `frequency` (N,), and `mix` is w / 2. w
    begins normal with deviation 1.

    Shapes: x (B, T, C) -> y (B, T, C); state re, im (B, C, N).
    Raises: as `SSM`; UnknownName for another `begin`.
    Source: Gupta et al. 2022, arXiv:2203.14343. Differs: decay and f go by one dt, not by one each.
    """

    def __init__(
        self,
        channels: int,
        states: int = 16,
        *,
        dt: tuple[float, float] = (1e-3, 1e-1),
        stable: str = "exp",
        begin: str = "skew",
    ) -> None:
        super().__init__(channels, states, dt=dt, stable=stable)
        if begin not in BEGIN:
            raise UnknownName("beginning", begin, BEGIN)
        if begin == "skew":
            self.begin_rates(torch.full((states,), 0.5), skew_rates(states))
        else:
            self.begin_rates(*torch.randn(2, states).exp().clamp_max(MOST))
        self.mix = nn.Parameter(torch.randn(channels, states, 2) / 2)
        self.layout = ssm_layout(("n",), STABLE[stable].weight)


def skew_rates(states: int) -> Tensor:
    """The N positive frequencies of the skew-symmetric part of a HiPPO-LegS of 2 N states."""
    root = torch.sqrt(2 * torch.arange(2.0 * states, dtype=torch.float64) + 1)
    lower = torch.outer(root, root).tril(-1)
    turns: Tensor = torch.linalg.eigvals((lower - lower.T) / 2).imag
    return torch.sort(turns, descending=True).values[:states].float()


EXAMPLES = {
    "default": Example(lambda: DSS(8, 4, dt=(0.02, 0.5))),
    "random": Example(lambda: DSS(8, 3, dt=(0.5, 1.0), begin="random")),
}
