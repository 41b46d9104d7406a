"""Raw samples to features, streaming: `from edgernn.frontend.logmel import LogMel`."""
