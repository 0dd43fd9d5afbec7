"""A self-checking Verilog test bench around a multiplier's netlist."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from analysis.cosimulation.operand_stream import OperandStream
from multipliers import Multiplier, Netlist

STIMULUS, EXPECTED, BENCH = "stimulus.hex", "expected.hex", "test_bench.v"
MODULE = "torchapprox_test_bench"
MOST_PRINTED = 20
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*")

_TEMPLATE = """\
// Feeds every pair of {stimulus} to {top} and compares the product with {expected}.
// One line in each file per multiplication, hexadecimal, first to last.
// Prints "MISMATCH line activation weight expected got" for the first {most} and then
// "CHECKED products mismatches".
`timescale 1ns/1ps
module {module};
  reg [{operand_msb}:0] stimulus [0:{last}];
  reg [{product_msb}:0] expected [0:{last}];
  reg [{x_msb}:0] x;
  reg [{w_msb}:0] w;
  wire [{product_msb}:0] product;
  integer line, mismatches;

  {top} dut ({x_name}(x), {w_name}(w), {product_name}(product));

  initial begin
    $readmemh("{stimulus}", stimulus);
    $readmemh("{expected}", expected);
    mismatches = 0;
    for (line = 0; line <= {last}; line = line + 1) begin
      {{x, w}} = stimulus[line];
      #1;
      // The case inequality also catches undefined bits.
      if (product !== expected[line]) begin
        mismatches = mismatches + 1;
        if (mismatches <= {most})
          $display("MISMATCH %0d %h %h %h %h", line, x, w, expected[line], product);
      end
    end
    $display("CHECKED %0d %0d", {count}, mismatches);
    $finish;
  end
endmodule
"""


def bench_files(netlist: Netlist, multiplier: Multiplier, stream: OperandStream) -> dict[str, str]:
    r"""Return stimulus, expected products and test bench for a multiplier's netlist.

    Args:
        netlist: The circuit, for the names and widths of its ports.
        multiplier: Whose table gives the expected products.
        stream: The operands.

    Returns:
        Texts by file name.

    Raises:
        ValueError: If the stream is empty or does not fit the ports, or circuit and multiplier have
            ports of other widths.

    Examples:
        >>> from multipliers import get, get_netlist
        >>> stream = OperandStream(np.array([3], np.uint8), np.array([255], np.uint8))
        >>> files = bench_files(get_netlist("mul8s_array"), get("mul8s_array"), stream)
        >>> files["stimulus.hex"], files["expected.hex"]
        ('03ff\n', 'fffd\n')
    """
    if len(stream) == 0:
        raise ValueError("'stream' must hold at least one pair of operands, got none")
    widths = tuple(bus.width for bus in netlist.inputs)
    ports = (multiplier.x_port.width, multiplier.w_port.width)
    if widths != ports or len(netlist.outputs) != 1:
        raise ValueError(f"'netlist' must have input ports of {ports} bits, got {netlist}")
    (x, w), (product,) = netlist.inputs, netlist.outputs
    x_bits, w_bits = (bits.astype(np.int64) for bits in stream.port_bits(x.width, w.width))
    products = multiplier.lut[stream.x_codes, stream.w_codes].astype(np.int64)
    bench = _TEMPLATE.format(
        module=MODULE,
        stimulus=STIMULUS,
        expected=EXPECTED,
        top=_identifier(netlist.name),
        x_name=f".{_identifier(x.name)}",
        w_name=f".{_identifier(w.name)}",
        product_name=f".{_identifier(product.name)}",
        operand_msb=x.width + w.width - 1,
        x_msb=x.width - 1,
        w_msb=w.width - 1,
        product_msb=product.width - 1,
        last=len(stream) - 1,
        count=len(stream),
        most=MOST_PRINTED,
    )
    return {
        STIMULUS: _hexadecimal(x_bits << w.width | w_bits, x.width + w.width),
        EXPECTED: _hexadecimal(products & ((1 << product.width) - 1), product.width),
        BENCH: bench,
    }


def _hexadecimal(numbers: NDArray[np.int64], bits: int) -> str:
    digits = -(-bits // 4)
    return "".join(f"{number:0{digits}x}\n" for number in numbers.tolist())


def _identifier(name: str) -> str:
    """Escape a name that is no plain Verilog identifier."""
    return name if _PLAIN_NAME.fullmatch(name) else f"\\{name} "
