"""Approximate multipliers: gate netlists and closed forms turned into characterised tables."""

from multipliers.characterisation import (
    ErrorDistribution,
    ErrorFigures,
    ErrorProfile,
    FunctionFigures,
    MredConvention,
    StandardErrors,
    TableStructure,
    WorstCase,
    characterise,
    characterise_function,
    error_distribution,
    error_profile,
    likelier_signs,
    table_structure,
    worst_cases,
)
from multipliers.circuits import (
    array_multiplier,
    broken_array_multiplier,
    column_truncated_multiplier,
    momeni_multiplier,
    perforated_multiplier,
    tree_multiplier,
    truncated_multiplier,
    underdesigned_multiplier,
)
from multipliers.codes import code_values, exact_products
from multipliers.cost import (
    UNIT_GATES,
    CellTable,
    Cost,
    ToggleEnergy,
    circuit_cost,
    read_cells,
    toggle_energy,
)
from multipliers.families import CatalogueEntry, get, get_netlist, info, names
from multipliers.formats.aiger import parse_aiger, read_aiger
from multipliers.formats.aiger_writer import to_aiger, to_binary_aiger
from multipliers.formats.blif import parse_blif, read_blif
from multipliers.formats.blif_writer import to_blif
from multipliers.formats.cgp import parse_cgp, read_cgp, to_cgp
from multipliers.formats.files import load, save
from multipliers.formats.netlist_files import read_netlist, write_netlist
from multipliers.formats.verilog import parse_verilog, read_verilog
from multipliers.formats.verilog_cells import library_cells
from multipliers.formats.verilog_writer import to_verilog
from multipliers.formats.yosys import synthesise
from multipliers.library import Library, LibraryEntry, PublishedFigures, read_library
from multipliers.multiplier import Multiplier
from multipliers.netlists import (
    Bus,
    Netlist,
    NetlistBuilder,
    NetlistError,
    Op,
    demo_netlist,
    netlist_function,
    simulate,
)
from multipliers.ports import Port

__all__ = [
    "UNIT_GATES",
    "Bus",
    "CatalogueEntry",
    "CellTable",
    "Cost",
    "ErrorDistribution",
    "ErrorFigures",
    "ErrorProfile",
    "FunctionFigures",
    "Library",
    "LibraryEntry",
    "MredConvention",
    "Multiplier",
    "Netlist",
    "NetlistBuilder",
    "NetlistError",
    "Op",
    "Port",
    "PublishedFigures",
    "StandardErrors",
    "TableStructure",
    "ToggleEnergy",
    "WorstCase",
    "array_multiplier",
    "broken_array_multiplier",
    "characterise",
    "characterise_function",
    "circuit_cost",
    "code_values",
    "column_truncated_multiplier",
    "demo_netlist",
    "error_distribution",
    "error_profile",
    "exact_products",
    "get",
    "get_netlist",
    "info",
    "library_cells",
    "likelier_signs",
    "load",
    "momeni_multiplier",
    "names",
    "netlist_function",
    "parse_aiger",
    "parse_blif",
    "parse_cgp",
    "parse_verilog",
    "perforated_multiplier",
    "read_aiger",
    "read_blif",
    "read_cells",
    "read_cgp",
    "read_library",
    "read_netlist",
    "read_verilog",
    "save",
    "simulate",
    "synthesise",
    "table_structure",
    "to_aiger",
    "to_binary_aiger",
    "to_blif",
    "to_cgp",
    "to_verilog",
    "toggle_energy",
    "tree_multiplier",
    "truncated_multiplier",
    "underdesigned_multiplier",
    "worst_cases",
    "write_netlist",
]
