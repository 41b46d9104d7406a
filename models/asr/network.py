"""The recogniser's steps, from sound to logits of the words and the blank.

    features   samples (B, 160 n, 1) -> (B, n, 13)          Sphinx's cepstra
    encoder    (B, 8 n, 13) -> (B, n, joint)                3 convolutions, residual blocks
    predictor  labels (B, n) -> (B, n, joint)
    joiner     both vectors (B, n, 2 joint) -> (B, n, classes)

Training runs from the encoder on, over the cepstra that AN4 is distributed as.
"""

from __future__ import annotations

from typing import Any

from edgernn.errors import ShapeError, UnknownName
from edgernn.frontend.sphinx import COEFFICIENTS, SphinxMFCC
from edgernn.models.asr import WORDS
from edgernn.recognition.blocks import FAMILIES
from edgernn.recognition.network import fed, recognizer_steps, subsampled_encoder
from edgernn.recognition.transducer import (
    Joiner,
    Transducer,
    recurrent_predictor,
    stateless_predictor,
)
from edgernn.streaming import Sequential, Streaming

__all__ = ["acoustic_encoder", "build", "fed", "transducer"]

CLASSES = len(WORDS) + 1
WIDEST = 256  # hidden units
PREDICTORS = ("stateless", "recurrent")


def acoustic_encoder(
    hidden: int = WIDEST,
    layers: int = 2,
    channels: int = 128,
    joint: int = 128,
    dropout: float = 0.15,
    *,
    encoder: str = "lstm",
    adaptive: bool = True,
    **sizes: int,
) -> Sequential:
    """Cepstra to one vector every 8 frames; the first convolution has 3/4 of the channels.

    encoder: lstm, mhssm or transformer (`recognition.blocks`), which take further sizes.
    dropout: in the widest; narrower ones have as much less of it as they are narrower, unless it
        is not adaptive (adaptive dropout of arXiv:2309.01947, whose rule is not published: ours).

    Raises: UnknownName for another encoder.
    """
    if encoder not in FAMILIES:
        raise UnknownName("encoder", encoder, FAMILIES)
    dropout = dropout * hidden / WIDEST if adaptive else dropout
    return subsampled_encoder(
        COEFFICIENTS,
        hidden,
        joint,
        channels=channels,
        dropout=dropout,
        layers=layers,
        layer=lambda: FAMILIES[encoder](hidden, dropout, **sizes),
    )


def transducer(
    joint: int = 128,
    *,
    predictor: str = "stateless",
    memory: int = 64,
    internal_lm: float = 1.0,
    **sizes: Any,
) -> Transducer:
    """What is trained: the three steps that have weights, and an auxiliary head.

    predictor: stateless, which sees the last word alone, or recurrent, an LSTM of `memory` units
    over all words so far. internal_lm: how much of what it tells is heard, once trained
    (`recognition.transducer.LabelEmbedding`). sizes: those of `acoustic_encoder`.

    Raises: UnknownName for another predictor or encoder; ShapeError for an internal_lm that is not
        from 0 to 1, or of a recurrent predictor.
    """
    if predictor not in PREDICTORS:
        raise UnknownName("predictor", predictor, PREDICTORS)
    encoder = acoustic_encoder(joint=joint, **sizes)
    if predictor == "stateless":
        words = stateless_predictor(CLASSES, joint, internal_lm=internal_lm)
    elif internal_lm != 1:
        raise ShapeError(f"internal_lm {internal_lm} of a recurrent predictor; it takes 1")
    else:
        words = recurrent_predictor(CLASSES, joint, memory)
    return Transducer(encoder, words, Joiner(joint, CLASSES))


def build(**sizes: Any) -> dict[str, Streaming]:
    """Every step, untrained. sizes: those of `transducer`."""
    return recognizer_steps(SphinxMFCC(), transducer(**sizes))
