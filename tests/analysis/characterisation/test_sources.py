"""Multipliers by file, by folder and by name."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.characterisation.data_sheet import Conditions, data_sheet
from analysis.characterisation.sources import Reading, expand_sources, source_sheet
from multipliers import (
    NetlistError,
    array_multiplier,
    get,
    get_netlist,
    read_cells,
    save,
    write_netlist,
)


@pytest.fixture
def folder(tmp_path):
    below = tmp_path / "lib" / "deeper"
    below.mkdir(parents=True)
    write_netlist(get_netlist("mul8u_bam_h0_v4"), below / "mul8u_bam_h0_v4.v")
    write_netlist(get_netlist("mul8s_array"), tmp_path / "lib" / "mul8s_array.BLIF".lower())
    save(get("drum4"), tmp_path / "lib" / "drum4.npz")
    (tmp_path / "lib" / "notes.txt").write_text("no table")
    return tmp_path / "lib"


def test_folders_are_their_files_in_order(folder):
    found = expand_sources(["drum3", str(folder), "other.v"])
    assert found[0] == "drum3"
    assert [word.rsplit("/", 1)[-1] for word in found[1:-1]] == [
        "mul8u_bam_h0_v4.v",
        "drum4.npz",
        "mul8s_array.blif",
    ]
    assert found[-1] == "other.v"


def test_a_folder_without_multipliers(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no netlist or \.npz table in this folder"):
        expand_sources([str(tmp_path)])


def test_sheets_of_files_are_those_of_names(folder):
    for word, name in zip(
        expand_sources([str(folder)]),
        ["mul8u_bam_h0_v4", "mul8u_drum4", "mul8s_array"],
        strict=True,
    ):
        of_file, of_name = source_sheet(word), source_sheet(name)
        assert of_file.name == of_name.name == name
        assert of_file.figures == of_name.figures
        assert of_file.cost == of_name.cost


def test_what_the_user_states(tmp_path):
    bare = tmp_path / "bare.csv"
    asymmetric = get("mul8u_ppp_j0_k2").lut
    np.savetxt(bare, asymmetric.T, fmt="%d", delimiter=",")
    with pytest.raises(ValueError, match="'bare' does not state whether the operands are signed"):
        source_sheet(str(bare))
    sheet = source_sheet(str(bare), reading=Reading(signed=False, order="wx"))
    assert sheet.figures == data_sheet(get("mul8u_ppp_j0_k2")).figures
    with pytest.raises(ValueError, match=r"array\.v: 'order' is for tables, got 'xw'"):
        source_sheet("array.v", reading=Reading(order="xw"))


def test_wide_netlists_have_figures(tmp_path):
    path = tmp_path / "wide.aag"
    write_netlist(replace(array_multiplier(signed=True, width=9), name="wide"), path)
    with pytest.raises(ValueError, match=r"wide\.aag: .* whether the operands are signed"):
        source_sheet(str(path))
    sheet = source_sheet(str(path), reading=Reading(signed=True), conditions=Conditions(samples=50))
    assert sheet.figures.wce == 0
    assert sheet.standard_errors is not None


def test_errors_name_the_file(tmp_path):
    path = tmp_path / "mul8u_bad.v"
    path.write_text("module mul8u_bad(input [7:0] A, output [7:0] O); assign O = ~A; endmodule")
    with pytest.raises(NotImplementedError, match=r"mul8u_bad\.v: a multiplier must have two inp"):
        source_sheet(str(path))
    path.write_text("module")
    with pytest.raises(NetlistError, match=r"mul8u_bad\.v:1: "):
        source_sheet(str(path))
    cells = tmp_path / "cells.csv"
    cells.write_text("cell,area,energy\nAND,1,1\n")
    write_netlist(array_multiplier(signed=False), path)
    with pytest.raises(LookupError, match=r"bad\.v: cell table 'cells\.csv' has no MAJ, XOR"):
        source_sheet(str(path), conditions=Conditions(cells=read_cells(cells)))
    with pytest.raises(LookupError, match="no multiplier is called 'drumm4'"):
        source_sheet("drumm4")
