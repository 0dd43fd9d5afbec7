"""Counts and samples of operand codes, and moments of results."""
