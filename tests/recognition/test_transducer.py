"""Transducers: the lattice is what the steps give, greedy decoding is the definition."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edgernn.cells.gru import GRU
from edgernn.errors import ShapeError
from edgernn.graph.capture import capture
from edgernn.layers.linear import Linear
from edgernn.recognition.transducer import (
    BLANK,
    Emitted,
    Joiner,
    Transducer,
    ctc_greedy,
    greedy,
    recurrent_predictor,
    stateless_predictor,
)
from edgernn.streaming import Sequential, Streaming
from edgernn.testing import check_streaming
from edgernn.train.losses.transducer import transducer_loss

CLASSES, JOINT = 7, 6
PREDICTORS = {
    "one": lambda: stateless_predictor(CLASSES, JOINT),
    "two": lambda: stateless_predictor(CLASSES, JOINT, context=2),
    "less": lambda: stateless_predictor(CLASSES, JOINT, internal_lm=0.3),
    "recurrent": lambda: recurrent_predictor(CLASSES, JOINT, 5),
}


def network(kind: str = "one") -> Transducer:
    torch.manual_seed(0)
    encoder = Sequential(rnn=GRU(4, 8), output=Linear(8, JOINT))
    made = Transducer(encoder, PREDICTORS[kind](), Joiner(JOINT, CLASSES)).eval()
    with torch.no_grad():
        made.joiner.output.linear.weight.mul_(4)
        made.joiner.output.linear.bias[BLANK] += 1
    return made


def by_definition(net: Transducer, encoded: Tensor, frames: int, most: int) -> list[Emitted]:
    """One row, from the beginning again for every label."""
    found: list[Emitted] = []
    for t in range(frames):
        for _ in range(most):
            said = torch.tensor([[one.label for one in found]], dtype=torch.int64).reshape(1, -1)
            vector = net.predict(said)[0, -1]
            label = int(net.joiner(torch.cat([encoded[t], vector])[None, None]).argmax())
            if label == BLANK:
                break
            found.append(Emitted(label, t))
    return found


@pytest.mark.parametrize("kind", PREDICTORS)
@pytest.mark.parametrize("most", [1, 3])
def test_greedy_decoding_is_the_definition_for_every_row(kind: str, most: int) -> None:
    net = network(kind)
    encoded, frames = net.encoder(2 * torch.randn(5, 20, 4)).detach(), [20, 13, 1, 20, 7]
    found = greedy(net, encoded, torch.tensor(frames), most=most)
    with torch.no_grad():
        wanted = [
            by_definition(net, row, count, most) for row, count in zip(encoded, frames, strict=True)
        ]
    assert found == wanted
    assert sum(len(row) for row in found) > 10


@pytest.mark.parametrize("kind", PREDICTORS)
def test_the_lattice_is_what_the_steps_give(kind: str) -> None:
    net = network(kind)
    encoded, targets = net.encoder(torch.randn(2, 6, 4)), torch.randint(1, CLASSES, (2, 3))
    predicted = net.predict(targets)
    lattice = net.joiner.lattice(encoded, predicted)
    assert lattice.shape == (2, 6, 4, CLASSES)
    for t in range(6):
        for u in range(4):
            both = torch.cat([encoded[:, t], predicted[:, u]], dim=1)[:, None]
            torch.testing.assert_close(lattice[:, t, u], net.joiner(both)[:, 0])
    count = torch.tensor([6, 6]), torch.tensor([3, 3])
    transducer_loss(lattice, targets, *count, monotonic=True).sum().backward()
    assert all(p.grad is not None for n, p in net.named_parameters() if not n.startswith("ctc"))


@pytest.mark.parametrize("kind", PREDICTORS)
def test_each_part_obeys_the_law(kind: str) -> None:
    net = network(kind)
    check_streaming(net.predictor, torch.randint(0, CLASSES, (3, 9)))
    check_streaming(net.joiner, torch.randn(3, 9, 2 * JOINT))
    assert isinstance(net.encoder, Streaming)


def test_less_of_the_internal_language_model_is_heard_once_trained() -> None:
    labels = torch.arange(CLASSES)[None]
    part = stateless_predictor(CLASSES, JOINT, internal_lm=0.25)
    trained = part.train()(labels)[0]
    torch.testing.assert_close(trained, part.get_parameter("embed.embedding.weight").data)
    heard = part.eval()(labels)[0]
    assert torch.equal(heard[BLANK], trained[BLANK])
    torch.testing.assert_close(heard - heard[BLANK], 0.25 * (trained - trained[BLANK]))

    whole = stateless_predictor(CLASSES, JOINT)
    whole.load_state_dict(part.state_dict())
    assert torch.equal(whole.eval()(labels)[0], trained)
    made = capture(part, labels[:, :1], "predictor").model.graph
    assert [node.op_type for node in made.node] == ["Gather"]  # the table is mixed beforehand


def test_ctc_leaves_out_repeats_and_blanks() -> None:
    best = torch.tensor([[0, 1, 1, 0, 1, 2, 2, 3], [2, 2, 0, 2, 0, 0, 5, 5]])
    logits = torch.nn.functional.one_hot(best, CLASSES).float()
    one, other = ctc_greedy(logits, torch.tensor([8, 6]))
    assert one == [Emitted(1, 1), Emitted(1, 4), Emitted(2, 5), Emitted(3, 7)]
    assert other == [Emitted(2, 0), Emitted(2, 3)]


def test_bad_sizes_are_named() -> None:
    with pytest.raises(ShapeError, match="context 0; need at least 1"):
        stateless_predictor(CLASSES, JOINT, context=0)
    with pytest.raises(ShapeError, match=r"internal_lm 1\.5; need 0 to 1"):
        stateless_predictor(CLASSES, JOINT, internal_lm=1.5)
    with pytest.raises(ShapeError, match=r"Joiner: x is \(1, 1, 6\); need \(batch, frames, 12\)"):
        network().joiner(torch.zeros(1, 1, 6))
