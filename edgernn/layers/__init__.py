"""Layers without recurrence, one kind a file: `from edgernn.layers.conv import Conv1d`."""
