"""File formats of multipliers: netlists and tables, read and written."""

from multipliers.formats.adapt import adapt_header, read_adapt
from multipliers.formats.aiger import parse_aiger, read_aiger
from multipliers.formats.aiger_writer import to_aiger, to_binary_aiger
from multipliers.formats.arrays import read_npy, read_npz
from multipliers.formats.blif import parse_blif, read_blif
from multipliers.formats.blif_writer import to_blif
from multipliers.formats.cgp import parse_cgp, read_cgp, to_cgp
from multipliers.formats.files import load, save
from multipliers.formats.netlist_files import read_netlist, write_netlist
from multipliers.formats.table_text import read_text_table, text_table
from multipliers.formats.tfapprox import read_tfapprox, tfapprox_table
from multipliers.formats.verilog import parse_verilog, read_verilog
from multipliers.formats.verilog_writer import to_verilog
from multipliers.formats.yosys import synthesise

__all__ = [
    "adapt_header",
    "load",
    "parse_aiger",
    "parse_blif",
    "parse_cgp",
    "parse_verilog",
    "read_adapt",
    "read_aiger",
    "read_blif",
    "read_cgp",
    "read_netlist",
    "read_npy",
    "read_npz",
    "read_text_table",
    "read_tfapprox",
    "read_verilog",
    "save",
    "synthesise",
    "text_table",
    "tfapprox_table",
    "to_aiger",
    "to_binary_aiger",
    "to_blif",
    "to_cgp",
    "to_verilog",
    "write_netlist",
]
