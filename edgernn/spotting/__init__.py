"""Spotting words in streams: what the shipped spotters share, from archives to alarm curves."""

SAMPLE_RATE_HZ = 16000
