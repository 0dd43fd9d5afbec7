"""Sums written as they are, or as the real numbers that they stand for."""
