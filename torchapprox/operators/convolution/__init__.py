"""Convolutions as products of operand codes: geometry, padding, lowering."""
