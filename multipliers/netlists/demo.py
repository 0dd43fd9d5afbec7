"""The netlist that ships with the package."""

from __future__ import annotations

from pathlib import Path


def demo_netlist() -> Path:
    """Return the path of a signed approximate multiplier's Verilog file.

    It is the broken-array multiplier BAM(0, 8), which leaves out the eight least significant
    columns: ``to_verilog(broken_array_multiplier(0, 8, signed=True))``.

    Returns:
        Path of ``mul8s_bam_h0_v8.v``.

    Examples:
        >>> demo_netlist().name
        'mul8s_bam_h0_v8.v'
    """
    return Path(__file__).with_name("mul8s_bam_h0_v8.v")
