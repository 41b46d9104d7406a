"""Compression: prune, sparsify, quantize, hold, narrow and distill, and what each of them costs."""
