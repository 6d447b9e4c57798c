"""observe → diff → plan → execute, over any kinds."""
