"""Checkouts of published libraries of multipliers, read and verified."""
