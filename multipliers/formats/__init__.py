"""File formats of multipliers: netlists and tables, read and written."""

from multipliers.formats.files import load, save
from multipliers.formats.verilog import parse_verilog, read_verilog
from multipliers.formats.verilog_writer import to_verilog

__all__ = ["load", "parse_verilog", "read_verilog", "save", "to_verilog"]
