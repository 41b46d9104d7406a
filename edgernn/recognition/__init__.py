"""What recognisers of speech share: words and their errors, transducers, their decoding."""
