"""Training: one resumable loop that any model's `Task` can drive."""
