"""A transducer: what was heard and what was said so far, joined into the next label or none.

    encoder    frames of sound -> one vector a frame
    predictor  the label before -> one vector
    joiner     both vectors -> logits of the labels and the blank

Source: Graves 2012, arXiv:1211.3711; a predictor that sees its last labels alone: Ghodsi et al.
2020, "RNN-transducer with stateless prediction network".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.cells.lstm import LSTM
from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.layers.conv import Conv1d
from edgernn.layers.embedding import Embedding
from edgernn.layers.linear import Linear
from edgernn.recognition.search import Emitted
from edgernn.recognition.vocabulary import BLANK
from edgernn.state import State, reset_rows
from edgernn.streaming import Sequential, Streaming


class Joiner(Streaming):
    """z = W tanh(e + p) + b.

    Shapes: x (B, T, 2 J), e before p -> y (B, T, classes); no state.
    Raises: ShapeError if x is of another width.
    """

    def __init__(self, joint: int, classes: int) -> None:
        super().__init__()
        self.joint = joint
        self.output = Linear(joint, classes)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, 2 * self.joint)
        return self.output.step(torch.tanh(x[..., : self.joint] + x[..., self.joint :]), state)

    def lattice(self, encoded: Tensor, predicted: Tensor) -> Tensor:
        """Every frame with every place: (B, T, J), (B, U + 1, J) -> (B, T, U + 1, classes)."""
        logits: Tensor = self.output.linear(torch.tanh(encoded[:, :, None] + predicted[:, None]))
        return logits


class LabelEmbedding(Embedding):
    """A vector for each label; once trained, only so far from that of the blank: no label.

        weight'[i] = weight[0] + internal_lm (weight[i] - weight[0])

    The blank's vector tells what comes next by the sound alone. What a label's adds is the internal
    language model, which few texts train to be surer than it may be. To weigh it less follows
    Meng et al. 2020 (arXiv:2011.01991), who estimate it and take it off the scores; to do so in the
    table, where it costs nothing, is our choice.

    internal_lm: 1 leaves the vectors as they were trained. Training itself is not touched.
    """

    def __init__(self, num_embeddings: int, channels: int, internal_lm: float = 1.0) -> None:
        super().__init__(num_embeddings, channels)
        self.internal_lm = internal_lm

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        vectors, state = super().step(x, state)
        if self.training or self.internal_lm == 1:
            return vectors, state
        weight = self.embedding.weight
        none = weight[BLANK]
        return F.embedding(x, none + self.internal_lm * (weight - none)), state


def stateless_predictor(
    classes: int, joint: int, context: int = 1, internal_lm: float = 1.0
) -> Sequential:
    """A vector for each of the last `context` labels, summed channel by channel.

    Shapes: labels (B, U) -> (B, U, joint).
    Raises: ShapeError for a context below 1, or an internal_lm that is not from 0 to 1.
    """
    if context < 1:
        raise ShapeError(f"stateless_predictor: context {context}; need at least 1")
    if not 0 <= internal_lm <= 1:
        raise ShapeError(f"stateless_predictor: internal_lm {internal_lm}; need 0 to 1")
    embed = LabelEmbedding(classes, joint, internal_lm)
    nn.init.normal_(embed.embedding.weight, std=0.3)
    if context == 1:
        return Sequential(embed=embed)
    return Sequential(embed=embed, mix=Conv1d(joint, joint, context, groups=joint, bias=False))


def recurrent_predictor(classes: int, joint: int, hidden: int) -> Sequential:
    """An LSTM over all labels so far. Shapes: labels (B, U) -> (B, U, joint)."""
    return Sequential(
        embed=Embedding(classes, hidden), rnn=LSTM(hidden, hidden), output=Linear(hidden, joint)
    )


class Transducer(nn.Module):
    """The three together, for training and for decoding whole batches.

    ctc: a head on the encoder's vectors that an auxiliary loss trains; no part of what is exported.
    """

    def __init__(self, encoder: Streaming, predictor: Streaming, joiner: Joiner) -> None:
        super().__init__()
        self.encoder, self.predictor, self.joiner = encoder, predictor, joiner
        self.ctc = Linear(joiner.joint, joiner.output.linear.out_features)

    def encode(self, x: Tensor) -> Tensor:
        """The encoder's vectors less its delay, with the last frame going on until all are there.

        Shapes: x (B, n * block, C) -> (B, n * block * ratio, J).
        """
        timing = self.encoder.timing
        tail = x[:, -1:].expand(-1, int(timing.delay / timing.ratio), -1)
        encoded: Tensor = self.encoder(torch.cat([x, tail], dim=1))
        return encoded[:, timing.delay :]

    def predict(self, targets: Tensor) -> Tensor:
        """Targets (B, U), behind a blank -> (B, U + 1, J)."""
        begin = targets.new_full((len(targets), 1), BLANK)
        predicted: Tensor = self.predictor(torch.cat([begin, targets], dim=1))
        return predicted


@torch.no_grad()
def greedy(
    network: Transducer, encoded: Tensor, frames: Tensor, *, most: int = 1
) -> list[list[Emitted]]:
    """The likeliest label of each frame, as long as it is no blank, `most` times at most.

    most: 1 for a network of the monotonic lattice. Rows are decoded at once.

    Shapes: encoded (B, T, J), of which `frames` (B,) count.
    """
    batch, time = encoded.shape[:2]
    found: list[list[Emitted]] = [[] for _ in range(batch)]
    label = torch.full((batch, 1), BLANK, device=encoded.device)
    predicted, state = network.predictor.step(label, network.predictor.initial_state(batch))
    for t in range(time):
        open_ = t < frames
        for _ in range(most):
            both = torch.cat([encoded[:, t : t + 1], predicted], dim=2)
            label = network.joiner.step(both, ())[0].argmax(2)
            open_ = open_ & (label[:, 0] != BLANK)
            rows = open_.nonzero().flatten().tolist()
            if not rows:
                break
            for row in rows:
                found[row].append(Emitted(int(label[row, 0]), t))
            heard, after = network.predictor.step(label, state)
            predicted = torch.where(open_[:, None, None], heard, predicted)
            state = reset_rows(state, after, open_)
    return found


def ctc_greedy(logits: Tensor, frames: Tensor) -> list[list[Emitted]]:
    """The likeliest class of each frame, repeats and blanks left out. Shapes: (B, T, V), (B,)."""
    found = []
    for row, count in zip(logits.argmax(2).tolist(), frames.tolist(), strict=True):
        before, emitted = BLANK, []
        for t, label in enumerate(row[:count]):
            if label not in (BLANK, before):
                emitted.append(Emitted(label, t))
            before = label
        found.append(emitted)
    return found
