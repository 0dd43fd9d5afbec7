"""Real numbers to operand codes."""
