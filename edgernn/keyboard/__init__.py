"""What typing on a screen shares: layouts, errors of typing, words, texts."""
