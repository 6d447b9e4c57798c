"""One room a kind of object. Kinds do not import each other; they refer by Address."""
