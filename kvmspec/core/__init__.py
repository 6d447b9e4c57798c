"""The nouns: plain data that imports nothing else of kvmspec."""
