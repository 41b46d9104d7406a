"""Which output carries a state on: conventions, what is said by hand, what is refused."""

from __future__ import annotations

import pytest

from edgernn.errors import ModelError, UnknownName
from edgernn.graph.state_names import known_pairs, pair_states
from edgernn.graph.step_graph import Port

MET = [  # names as they are met in models of others
    ("icefall", "x state0 state1", "encoder_out new_state0 new_state1", [2, 2]),
    ("zipformer", "x cached_key_0 embed_states", "out new_cached_key_0 new_embed_states", [2, 2]),
    ("onnxruntime", "input_ids past_state", "logits present_state", [1, 1]),
    ("transformers", "ids past_key_values.0.key", "logits present.0.key", [1, 1]),
    ("wenet", "chunk att_cache cnn_cache", "output r_att_cache r_cnn_cache", [2, 2]),
    ("nemo", "audio cache_last_time", "out cache_last_time_next", [1, 1]),
    ("gtcrn", "mix conv_cache tra_cache", "enh conv_cache_out tra_cache_out", [2, 2]),
    ("torch", "x h0 c0", "y hn cn", [2, 2]),
    ("torch lstm", "x h_0 c_0", "y h_n c_n", [2, 2]),
    ("next", "x h0", "y next_h0", [1, 1]),
    ("silero 4", "input h c sr", "output hn cn", [2, 2]),
    ("silero 5", "input state sr", "output stateN", [1, 1]),
    ("deepfilter", "input_frame states", "enhanced new_states lsnr", [1, 1]),
    ("in and out", "x h_in", "y h_out", [1, 1]),
    ("prefixes", "feed in_h", "y out_h", [1, 1]),
    ("previous", "x prev_h", "y h", [1, 1]),
    ("ours", "x rnn.h", "y new_rnn.h", [1, 1]),
]


@pytest.mark.parametrize(("who", "inputs", "outputs", "counts"), MET)
def test_names_in_use_are_paired(who: str, inputs: str, outputs: str, counts: list[int]) -> None:
    given, made = inputs.split(), outputs.split()
    pairs = known_pairs(given, made, {})
    assert list(pairs) == given[1 : 1 + counts[0]], who
    assert list(pairs.values()) == made[1 : 1 + counts[1]], who


def ports(*names: str, shape: tuple[int, ...] = (1, 4), dtype: str = "float32") -> list[Port]:
    return [Port(name, shape, dtype) for name in names]


def test_what_is_said_goes_before_what_is_known() -> None:
    inputs, outputs = ports("x", "a", "h"), ports("y", "b", "new_h", "hn")
    assert pair_states("m", inputs, outputs, [("a", "b")]) == {"a": "b", "h": "new_h"}
    said = [("a", "b"), ("h", "hn")]
    assert pair_states("m", inputs, outputs, said) == {"a": "b", "h": "hn"}
    assert pair_states("m", inputs, outputs, [("a", "new_h"), ("h", "b")])["h"] == "b"


def test_an_input_can_be_said_to_be_no_state() -> None:
    assert pair_states("m", ports("x", "h"), ports("y", "new_h"), [("h", "")]) == {}


def test_one_input_and_one_output_of_one_shape_are_data() -> None:
    assert pair_states("m", ports("x"), ports("y"), []) == {}
    assert pair_states("m", ports("x", "h"), ports("y", "hn"), []) == {"h": "hn"}


def test_what_looks_like_a_state_is_refused_with_what_could_carry_it() -> None:
    inputs = [*ports("x", shape=(1, 9)), *ports("a", "b")]
    outputs = [*ports("y", shape=(1, 3)), *ports("p", "q")]
    with pytest.raises(ModelError) as caught:
        pair_states("m", inputs, outputs, [])
    assert str(caught.value) == (
        "m: what looks like a state is not fed back: a (1, 4) (could be carried by p or q), "
        "b (1, 4) (could be carried by p or q). Pair it, --state a=p, or say that it is none, "
        "--state a="
    )
    assert pair_states("m", inputs, outputs, [("a", "q"), ("b", "p")]) == {"a": "q", "b": "p"}
    assert pair_states("m", inputs, outputs, [("a", ""), ("b", "")]) == {}


@pytest.mark.parametrize("name", ["h", "c0", "state", "state1", "conv_cache", "past_key", "h_in"])
def test_what_is_called_a_state_is_refused_without_an_output(name: str) -> None:
    inputs, outputs = ports("x", name), ports("y", shape=(1, 2))
    with pytest.raises(ModelError, match=f"{name} .*no output has its form.*--state {name}=OUTPUT"):
        pair_states("m", inputs, outputs, [])


@pytest.mark.parametrize("name", ["channels", "speech", "context", "embedding", "sr", "match"])
def test_other_names_are_data(name: str) -> None:
    assert pair_states("m", ports("x", name), ports("y", shape=(1, 2)), []) == {}


def test_a_state_that_changes_is_refused_by_name() -> None:
    for after in (ports("new_h", shape=(1, 5)), ports("new_h", dtype="int64")):
        with pytest.raises(ModelError, match=r"state h goes in as \(1, 4\) float32 and comes out"):
            pair_states("m", ports("x", "h"), [*ports("y"), *after], [])


def test_pairs_that_cannot_be_are_refused() -> None:
    inputs, outputs = ports("x", "h"), ports("y", "hn")
    for pair, words in ((("g", "hn"), "'g'; did you mean"), (("h", "hm"), "'hm'; did you mean hn")):
        with pytest.raises(UnknownName, match=words):
            pair_states("m", inputs, outputs, [pair])
    for pairs in ([("h", "hn"), ("h", "y")], [("h", "hn"), ("x", "hn")]):
        with pytest.raises(ModelError, match="paired twice"):
            pair_states("m", inputs, outputs, pairs)
    with pytest.raises(ModelError, match="every input is a state"):
        pair_states("m", inputs, outputs, [("h", "hn"), ("x", "y")])
