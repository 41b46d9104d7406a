"""Recurrent cells, one a file: `from edgernn.cells.gru import GRU`."""
