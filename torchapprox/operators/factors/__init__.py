"""Products on a factorised table, and the factors."""
