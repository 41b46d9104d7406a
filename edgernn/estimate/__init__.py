"""What a step will cost on a target, before anything is compiled; see docs/estimate.md."""
