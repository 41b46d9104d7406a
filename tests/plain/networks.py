"""Networks in plain torch as a newcomer writes them, and an example of what each reads."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Tagger(nn.Module):
    """A stacked GRU that tags tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.rnn = nn.GRU(16, 24, num_layers=2, batch_first=True, dropout=0.1)
        self.head = nn.Linear(24, 7)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.rnn(self.embed(x))
        told: Tensor = self.head(y)
        return told


class ConvLstm(nn.Module):
    """Convolution, norm and LSTM; the last state is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(20, 24, 3, stride=2)
        self.norm = nn.BatchNorm1d(24)
        self.lstm = nn.LSTM(24, 32, batch_first=True)
        self.head = nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.conv(x.transpose(1, 2))))
        _, (h, _) = self.lstm(x.transpose(1, 2))
        told: Tensor = self.head(h[-1])
        return told


class Chomp(nn.Module):
    """Takes the frames off that a padding on both sides put at the end."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, : -self.frames].contiguous()


class Block(nn.Module):
    """Two dilated convolutions beside a skip path."""

    def __init__(self, inputs: int, outputs: int, dilation: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(inputs, outputs, 3, padding=2 * dilation, dilation=dilation),
            Chomp(2 * dilation),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Conv1d(outputs, outputs, 3, padding=2 * dilation, dilation=dilation),
            Chomp(2 * dilation),
            nn.ReLU(),
        )
        self.down = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        skip = x if self.down is None else self.down(x)
        return F.relu(self.net(x) + skip)


class Tcn(nn.Module):
    """A temporal convolutional network."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(12, 16, 1), Block(16, 16, 2), Block(16, 16, 4))
        self.head = nn.Linear(16, 6)

    def forward(self, x: Tensor) -> Tensor:
        told: Tensor = self.head(self.blocks(x.transpose(1, 2)).transpose(1, 2))
        return told


class Transformer(nn.Module):
    """torch's encoder behind a mask of eight frames back."""

    def __init__(self) -> None:
        super().__init__()
        self.widen = nn.Linear(10, 32)
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, dropout=0.1)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(32, 8)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.shape[1]
        mask = ~torch.ones(frames, frames, dtype=torch.bool, device=x.device).tril().triu(-8)
        told: Tensor = self.head(self.encoder(self.widen(x), mask=mask))
        return told


class AttentionPooling(nn.Module):
    """A GRU whose frames are weighed by what they say themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(10, 16, batch_first=True)
        self.score = nn.Linear(16, 1)
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.gru(x)
        share = torch.softmax(self.score(torch.tanh(y)), dim=1)
        told: Tensor = self.head((share * y).sum(dim=1))
        return told


class RawAudio(nn.Module):
    """Strided convolutions over samples, pooling, a GRU, its last output."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 16, 40, stride=16)
        self.second = nn.Conv1d(16, 16, 3, stride=2)
        self.pool = nn.MaxPool1d(2)
        self.gru = nn.GRU(16, 20, batch_first=True)
        self.head = nn.Linear(20, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x.unsqueeze(1)))
        x = self.pool(F.relu(self.second(x)))
        y, _ = self.gru(x.transpose(1, 2))
        told: Tensor = self.head(y[:, -1])
        return told


Made = tuple[nn.Module, Tensor]


def _of(build: Callable[[], nn.Module], example: Callable[[], Tensor]) -> Callable[[], Made]:
    def made() -> Made:
        torch.manual_seed(0)
        return build(), example()

    return made


NETWORKS: dict[str, Callable[[], Made]] = {
    "tagger": _of(Tagger, lambda: torch.randint(0, 50, (1, 60))),
    "conv_lstm": _of(ConvLstm, lambda: torch.randn(1, 60, 20)),
    "tcn": _of(Tcn, lambda: torch.randn(1, 80, 12)),
    "transformer": _of(Transformer, lambda: torch.randn(1, 60, 10)),
    "attention_pooling": _of(AttentionPooling, lambda: torch.randn(1, 50, 10)),
    "raw_audio": _of(RawAudio, lambda: torch.randn(1, 3200)),
}
