"""One command a file, found by its name; see `edgernn.cli`."""
