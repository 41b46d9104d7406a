"""Recurrences over a whole chunk: what makes cells fast to train.

Many cells share `linear`, `log_sums` (sums of exponentials), `newton` (what is not linear), and for
matrix states `chunkwise` (they fade) and `delta` (they are corrected too).

`gru`, `lstm` and `rnn` are cells with thresholds, differentiated by hand: a frame at a time
autograd keeps some twenty tensors a frame. Here one function runs all frames, and its backward
computes everything elementwise for all frames at once, so that only the recurrent product is left
in the loop. A hold passes gradients on as if nothing had been held (`layers.hold`); all else is
exact.
"""
