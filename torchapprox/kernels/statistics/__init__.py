"""Counts of operand codes and moments of results."""
