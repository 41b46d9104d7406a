"""The step graph: capture, intermediate representation, passes and the reference run."""
