"""From floats to operand codes, and from integer sums back to floats."""
