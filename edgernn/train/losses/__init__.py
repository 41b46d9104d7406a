"""Losses that torch lacks, one a file."""
