"""Round what products read to 8 bits, in training already, within ranges that follow the data.

The ranges are those of `graph.calibrate`: the 99.9th percentile of the frames' extremes, here of a
batch, and moving. What is put into a network for it stays out of the export: `remove_reads`.

Source: Jacob et al. 2018, arXiv:1712.05877. Differs: percentiles of frames, no averaged extremes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from edgernn.compress.matrices import Matrix
from edgernn.compress.torchs import hides_its_steps, torchs_own
from edgernn.errors import ModelError
from edgernn.factored import Factored
from edgernn.frames import as_it_is
from edgernn.graph.calibrate import PERCENTILE
from edgernn.layout import sort_of

STEPS = 254  # of 8 bits, between -127 and 127
FOLLOW = 0.05  # of the way to a batch's range that the moving one goes in a step; our choice
NAME = "edgernn_reads"  # of the child that a module gets


class Rounded(nn.Module):
    """8 bits of one value: the nearest of 255 steps that hold zero, cut at the ends of its range.

    Nothing is rounded before the first range is known, and gradients stop only where it cuts.
    """

    low: Tensor
    high: Tensor
    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("low", "high"):
            self.register_buffer(name, torch.zeros(()))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        self.extremes: list[Tensor] = []  # of this batch's frames, two rows: low and high

    def forward(self, x: Tensor) -> Tensor:
        """Rounded x, of any shape; the last axis is a frame."""
        if self.training:
            frames = x.detach()
            self.extremes.append(torch.stack([frames.amin(-1), frames.amax(-1)]).reshape(2, -1))
        if not self.seen:
            return x
        scale = (self.high - self.low).clamp_min(1e-6) / STEPS
        zero = (-127 - self.low / scale).round().clamp(-127, 127)
        inside = x.clamp(float(self.low), float(self.high))
        whole = ((x.detach() / scale).round() + zero).clamp(-127, 127)
        return inside + ((whole - zero) * scale - inside).detach()

    @torch.no_grad()
    def follow(self) -> None:
        """Bring the range nearer to that of the batch that has passed."""
        if not self.extremes:
            return
        low, high = torch.cat(self.extremes, 1)
        self.extremes.clear()
        share = PERCENTILE / 100
        ends = torch.quantile(low, 1 - share).clamp(max=0), torch.quantile(high, share).clamp(min=0)
        for range_end, now in zip((self.low, self.high), ends, strict=True):
            range_end.lerp_(now, FOLLOW if self.seen else 1.0)
        self.seen += 1


class Reads(nn.Module):
    """What a module's products read, each value with a range of its own."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.rounded = nn.ModuleDict({name: Rounded() for name in names})

    def forward(self, name: str, x: Tensor) -> Tensor:
        rounded: Tensor = self.rounded[name](x)
        return rounded

    def follow(self) -> None:
        """Bring every range nearer to the batch that has passed."""
        for one in self.rounded.values():
            assert isinstance(one, Rounded)
            one.follow()


def attach_reads(network: nn.Module, chosen: list[Matrix]) -> list[Reads]:
    """Round what these matrices read. A cell that holds what it reads is left as it is.

    Of a matrix in two factors it is what the inner one reads; the few values between them stay.

    Raises: ModelError for a recurrent layer that is torch's own, and for a cell without `read`.
    """
    made = []
    owners = _owners(network, chosen)
    if hidden := {name: m for name, m in torchs_own(network).items() if id(m) in owners}:
        raise hides_its_steps("quantize: activations = 8", hidden)
    open_ = {id(cell.rnn): cell for cell in network.modules() if hasattr(cell, "thresholds")}
    for name, owner in list(network.named_modules()):
        if id(owner) not in owners or isinstance(owner, Factored):
            continue
        if isinstance(owner, nn.Linear | nn.Conv1d):
            made.append(_round_input(owner))
        elif id(owner) not in open_:
            raise ModelError(
                f"quantize: activations = 8: {name or 'the network'} ({sort_of(owner)}) "
                "has no `read` that rounds what it multiplies; name other matrices in `only`"
            )
        elif open_[id(owner)].read is as_it_is and open_[id(owner)].thresholds is None:
            made.append(_round_cell(open_[id(owner)]))
    return made


def _owners(network: nn.Module, chosen: list[Matrix]) -> dict[int, nn.Module]:
    """The modules whose products read through these matrices, by id; factors are their parent's."""
    owners = {id(matrix.owner): matrix.owner for matrix in chosen}
    for parent in network.modules():
        if any(isinstance(m, Factored) and id(m) in owners for m in parent.children()):
            owners[id(parent)] = parent
    return owners


def _round_input(owner: nn.Module) -> Reads:
    reads = Reads("x")
    owner.add_module(NAME, reads)
    kept: Any = owner
    kept.edgernn_hook = owner.register_forward_pre_hook(_before)
    return reads


def _before(owner: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The frames of a convolution lie along its last axis, channels before them."""
    x, *rest = args
    reads = getattr(owner, NAME)
    if isinstance(owner, nn.Conv1d):
        return (reads("x", x.transpose(1, 2)).transpose(1, 2), *rest)
    return (reads("x", x), *rest)


def _round_cell(cell: Any) -> Reads:
    names = ["x", "h"]
    if not getattr(cell, "reset_after", True):
        names.append("rh")
    if getattr(cell.rnn, "proj_size", 0):
        names.append("m")
    cell.read = Reads(*names)
    return cell.read  # type: ignore[no-any-return]


def remove_reads(network: nn.Module) -> None:
    """Take all rounding of what is read out again; the state dict has its names back."""
    for module in network.modules():
        kept: Any = module
        if NAME in module._modules:
            kept.edgernn_hook.remove()
            del kept.edgernn_hook
            delattr(module, NAME)
        if isinstance(getattr(module, "read", None), Reads):
            del kept.read
            kept.read = as_it_is
