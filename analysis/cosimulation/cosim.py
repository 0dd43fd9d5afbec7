"""Co-simulation: a layer's operands through the netlist in an RTL simulator."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from analysis.cosimulation.operand_stream import OperandStream
from analysis.cosimulation.verilog_bench import BENCH, MODULE, bench_files
from multipliers import Multiplier, library_cells, read_netlist
from multipliers.parameters import check_path
from multipliers.whole_file import write_whole

CELLS = "library_cells.v"
DEFAULT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One product that is not what the table says; codes and products in hexadecimal.

    Attributes:
        line: Number of the multiplication in the stream, from 0.
        x: Code of the activation.
        w: Code of the weight.
        expected: Product by the table, as the bits of the output port.
        got: Product of the simulator; ``x`` and ``z`` stand for undefined bits.
    """

    line: int
    x: str
    w: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.x} * {self.w}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True, slots=True)
class CosimResult:
    """What the simulator found.

    Attributes:
        checked: Products compared.
        mismatches: How many differ.
        examples: The first of these.
    """

    checked: int
    mismatches: int
    examples: tuple[Mismatch, ...]


def write_cosim(
    netlist: str | Path,
    multiplier: Multiplier,
    stream: OperandStream,
    folder: str | Path,
    *,
    top: str | None = None,
    synthesise: bool = False,
) -> Path:
    """Write netlist, stimulus, expected products and test bench into a folder.

    Args:
        netlist: Verilog file of the circuit.
        multiplier: Whose table gives the expected products.
        stream: The operands.
        folder: Made if absent.
        top: Top module of the file, None to find it.
        synthesise: Whether the file is behavioural, so that Yosys has to find its ports.

    Returns:
        Path of the test bench.

    Raises:
        ImportError: If Yosys is needed and not installed.
        NetlistError: If the Verilog file cannot be read.
        OSError: If the folder cannot be written.
        ValueError: If the file is no Verilog, the stream is empty or does not fit the ports, or
            circuit and multiplier have ports of other widths.
    """
    netlist, folder = check_path("netlist", netlist), check_path("folder", folder)
    if netlist.suffix.lower() not in (".v", ".sv"):
        raise ValueError(f"'netlist' must be Verilog, .v or .sv, got {netlist.name}")
    circuit = read_netlist(netlist, top=top, synthesise=synthesise)
    files = bench_files(circuit, multiplier, stream)
    files[CELLS] = library_cells()
    if netlist.name in files:
        raise ValueError(f"'netlist' must not be named as a file of the bench, got {netlist.name}")
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / netlist.name, netlist.read_bytes())
    for name, text in files.items():
        write_whole(folder / name, text.encode())
    return folder / BENCH


def run_icarus(
    bench: str | Path, netlist: str | Path, *, seconds: float = DEFAULT_SECONDS
) -> CosimResult:
    """Run a test bench that `write_cosim` wrote with Icarus Verilog.

    Args:
        bench: Path of the test bench.
        netlist: Name of the netlist's file in the same folder.
        seconds: Longest time that compilation and run may each take.

    Returns:
        The mismatches.

    Raises:
        ImportError: If Icarus Verilog is not installed.
        RuntimeError: If it fails, or takes too long.
    """
    if shutil.which("iverilog") is None or shutil.which("vvp") is None:
        raise ImportError(
            "co-simulation needs Icarus Verilog: install it (Debian package 'iverilog'), or run "
            "the written test bench in another simulator"
        )
    folder = check_path("bench", bench).parent.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        program = str(Path(temporary, "bench.vvp"))
        sources = [BENCH, check_path("netlist", netlist).name]
        # Only the bench is a root: other modules of the netlist's file may be tops of their own.
        options = ["-g2012", "-s", MODULE, "-l", CELLS]
        _run(["iverilog", *options, "-o", program, *sources], folder, seconds)
        return _parse(_run(["vvp", "-n", program], folder, seconds))


def _run(command: list[str], folder: Path, seconds: float) -> str:
    try:
        done = subprocess.run(  # noqa: S603  a fixed program, file names checked by the reader
            command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{command[0]} took more than {seconds:g} s") from error
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def _parse(output: str) -> CosimResult:
    examples, counts = [], None
    for line in output.splitlines():
        match line.split():
            case ["MISMATCH", number, x, w, expected, got]:
                examples.append(Mismatch(int(number), x, w, expected, got))
            case ["CHECKED", checked, mismatches]:
                counts = int(checked), int(mismatches)
    if counts is None:
        raise RuntimeError(f"the test bench did not finish: {output.strip()[-500:]}")
    return CosimResult(*counts, tuple(examples))
