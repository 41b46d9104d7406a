"""Recurrences over a whole chunk, differentiated by hand: what makes cells fast to train.

`linear` is what all linear recurrences share. The others are cells with thresholds: a frame
at a time autograd keeps some twenty tensors a frame. Here one function runs all frames, and its
backward computes everything elementwise for all frames at once, so that only the recurrent product
is left in the loop. A hold passes gradients on as if nothing had been held (`layers.hold`); all
else is exact.
"""
