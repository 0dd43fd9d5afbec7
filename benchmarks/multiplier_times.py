"""Time and memory from multipliers' files to their figures, beside what the project promises.

`python -m benchmarks.multiplier_times`, on a warm machine. Processor time of all threads stands
beside the wall clock, which other programs lengthen.
"""

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.record import recorded
from multipliers import (
    Multiplier,
    NetlistBuilder,
    Op,
    array_multiplier,
    get_netlist,
    info,
    load,
    names,
    write_netlist,
)
from multipliers.netlists.netlist import Netlist

ROUNDS = 15
FILES = 500
SUFFIXES = ("v", "blif", "cgp", "aag", "aig")


def milliseconds(call: Callable[[], object]) -> str:
    """Return the median times of a call, wall clock and processor, after one to warm up."""
    call()
    clocks = time.perf_counter, time.process_time
    times = []
    for _ in range(ROUNDS):
        start = [clock() for clock in clocks]
        call()
        times.append([clock() - begun for clock, begun in zip(clocks, start, strict=True)])
    wall, processor = (1e3 * statistics.median(one) for one in zip(*times, strict=True))
    return f"{wall:.2f} ms, {processor:.2f} CPU"


def mutated(netlist: Netlist, generator: np.random.Generator) -> Netlist:
    """Return a circuit with up to four gates of another function, as evolution would make it."""
    op = netlist.op.copy()
    for gate in generator.integers(0, len(op), size=generator.integers(1, 5)):
        if Op(op[gate]).arity == 2:
            op[gate] = generator.choice([Op.AND, Op.OR, Op.XOR, Op.NAND, Op.NOR, Op.XNOR])
    return replace(netlist, op=op)


def write_library(folder: Path) -> None:
    """Write circuits of every family and their mutations in every format."""
    generator = np.random.default_rng(0)
    circuits = [name for name in names() if info(name).has_netlist]
    for number in range(FILES):
        name = circuits[number % len(circuits)]
        netlist = get_netlist(name)
        if number >= len(circuits):
            netlist = mutated(netlist, generator)
        suffix = SUFFIXES[number % len(SUFFIXES)]
        write_netlist(netlist, folder / f"{name}_{number}.{suffix}")


def random_circuit(gates: int) -> Netlist:
    """Return a large 8x8 circuit of random gates, of which none is dead."""
    generator = np.random.default_rng(0)
    builder = NetlistBuilder("mul8u_random")
    nets = [*builder.input("A", 8), *builder.input("B", 8)]
    for _ in range(gates):
        near = generator.integers(max(0, len(nets) - 60), len(nets))
        nets.append(builder.gate(Op.XOR, nets[near], nets[generator.integers(0, len(nets))]))
    builder.output("O", nets[-16:])
    return builder.build()


def run_command(*words: str) -> str:
    """Return seconds, wall clock and processor, and greatest resident MiB of a command."""
    code = (
        "import resource, sys; from analysis.cli import main; code = main(sys.argv[1:]); "
        "used = resource.getrusage(resource.RUSAGE_SELF); "
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024); sys.exit(code)"
    )
    start = time.perf_counter()
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    wall = time.perf_counter() - start
    processor, peak = map(float, done.stdout.split()[-2:])
    return f"{wall:.1f} s, {processor:.1f} CPU, {peak:.0f} MiB"


def report(what: str, measured: str, promised: str) -> None:
    """Print one line."""
    print(f"{what:58} {measured:>28}  (promised {promised})")


def main() -> None:
    """Measure everything and print it."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("mul8u_array", "mul8s_wallace", "mul8s_bam_h0_v8"):
            netlist = get_netlist(name)
            table = milliseconds(lambda netlist=netlist: Multiplier.from_netlist(netlist))
            what = f"{name}, {netlist.gate_count} gates"
            report(f"{what}: netlist to table", table, "5 ms")
            for suffix in SUFFIXES:
                path = folder / f"{name}.{suffix}"
                write_netlist(netlist, path)
                file = milliseconds(lambda path=path: load(path))
                report(f"{what}: .{suffix} to table", file, "50 ms")
        large = random_circuit(2000)
        table = milliseconds(lambda: Multiplier.from_netlist(large))
        report(f"{large.gate_count} gates: netlist to table", table, "5 ms")
        library = folder / "library"
        library.mkdir()
        write_library(library)
        used = run_command("characterise", str(library), "--quiet")
        report(f"{FILES} files characterised", used, "30 s")
        for signed in (False, True):
            netlist = array_multiplier(signed=signed, width=12)
            path = folder / f"{netlist.name}.v"
            write_netlist(netlist, path)
            used = run_command("characterise", str(path))
            report(f"{netlist.name}, all 2^24 pairs", used, "60 s")
        report(
            "one small multiplier, for the start alone", run_command("characterise", "drum4"), "-"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report("greatest resident memory of this process", f"{peak:.0f} MiB", "-")


if __name__ == "__main__":
    recorded(main)
