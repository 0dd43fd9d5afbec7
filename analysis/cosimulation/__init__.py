"""A multiplier's circuit under the operands of a network, here and in Icarus Verilog."""

from analysis.cosimulation.cosim import CosimResult, Mismatch, run_icarus, write_cosim
from analysis.cosimulation.operand_stream import OperandStream, record_stream
from analysis.cosimulation.stream_energy import operand_energy

__all__ = [
    "CosimResult",
    "Mismatch",
    "OperandStream",
    "operand_energy",
    "record_stream",
    "run_icarus",
    "write_cosim",
]
