"""What a multiplication costs on multipliers that the user names, relative to an exact one."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.characterisation.sources import AS_STATED, Reading, expand_sources, source_multiplier
from analysis.cosimulation.operand_stream import record_stream
from analysis.measurement.layer_costs import relative_energy
from analysis.selection import Energies, energies_on_operands
from analysis.workloads.workload import Workload
from multipliers import Multiplier, Netlist, get_netlist, info, names
from multipliers.bounded_file import read_text
from torchapprox import get_approx_modules
from torchapprox.conversion.wrapping import float_name

STREAM_PAIRS = 20_000
"""Pairs of operands of each layer that the switching is counted on."""


def source_energies(
    multipliers: Mapping[str, tuple[Multiplier, Netlist | None]],
    *,
    stated: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return the relative energy of a multiplication on each multiplier.

    Args:
        multipliers: Multiplier and its gates, where they are known, by name.
        stated: Relative energies that are known otherwise, by name; they come first.

    Returns:
        By name: what was stated, else the estimate from gates and switching activity
        (`multipliers.circuit_cost`) over that of the exact array multiplier.

    Raises:
        LookupError: If a multiplier has neither gates nor a stated energy.

    Examples:
        >>> from multipliers import get, get_netlist
        >>> pair = {"mul8s_tm_k3": (get("mul8s_tm_k3"), get_netlist("mul8s_tm_k3"))}
        >>> round(source_energies(pair)["mul8s_tm_k3"], 3)
        0.342
        >>> source_energies(pair, stated={"mul8s_tm_k3": 0.3})
        {'mul8s_tm_k3': 0.3}
    """
    known = stated or {}
    unknown = [name for name, (_, netlist) in multipliers.items()
               if netlist is None and name not in known]  # fmt: skip
    if unknown:
        raise LookupError(
            f"the energy of {', '.join(unknown)} is not known, as there is no netlist: state it, "
            "relative to an exact multiplier (--energies on the command line)"
        )
    energies = {}
    for name, (multiplier, netlist) in multipliers.items():
        if name in known:
            energies[name] = known[name]
        elif netlist is not None:
            energies[name] = relative_energy(netlist, signed=multiplier.x_port.signed)
    return energies


def workload_energies(
    sources: Mapping[str, tuple[Multiplier, Netlist | None]],
    workload: Workload,
    *,
    stated: Mapping[str, float] | None = None,
    on_operands: bool = False,
) -> Energies:
    """Return the relative energy of a multiplication, for uniform or for a model's own operands.

    Args:
        sources: As `source_energies` takes them.
        workload: The converted model and its data.
        stated: As `source_energies` takes them.
        on_operands: Whether to count the switching on each layer's operands in the first batch
            that calibrates, for all that is not stated.

    Returns:
        By multiplier, or by layer (row) and multiplier (column).

    Raises:
        LookupError: If a multiplier has neither gates nor a stated energy.
    """
    energies = source_energies(sources, stated=stated)
    if not (on_operands and sources):
        return energies
    model, batches = workload.model, workload.calibration[:1]
    streams = {
        float_name(name): record_stream(model, name, batches, limit=STREAM_PAIRS)
        for name, _ in get_approx_modules(model)
    }
    netlists = {
        name: netlist for name, (_, netlist) in sources.items()
        if netlist is not None and name not in (stated or {})
    }  # fmt: skip
    signed = next(iter(sources.values()))[0].x_port.signed
    exact = get_netlist("mul8s_array" if signed else "mul8u_array")
    frame = energies_on_operands(netlists, streams, exact=exact)
    for name in sources:
        if name not in frame:
            frame[name] = energies[name]
    return frame[list(sources)]


def named_sources(
    words: Sequence[str], *, reading: Reading = AS_STATED
) -> dict[str, tuple[Multiplier, Netlist | None]]:
    """Load what a command line names: multiplier and gates by the multiplier's name.

    Args:
        words: Files, folders and names, as `analysis.characterisation.sources.expand_sources` takes
            them; the package's own signed 8-bit multipliers with a netlist if there is none.
        reading: What the user states about files.

    Raises:
        ValueError: If two multipliers have one name.
        Exception: Whatever `analysis.characterisation.sources.source_multiplier` raises.

    Examples:
        >>> list(named_sources(["mul8s_tm_k3", "mul8s_drum4"]))
        ['mul8s_tm_k3', 'mul8s_drum4']
    """
    found: dict[str, tuple[Multiplier, Netlist | None]] = {}
    default = [name for name in names() if name.startswith("mul8s") and info(name).has_netlist]
    for source in expand_sources(words or default):
        multiplier, netlist = source_multiplier(source, reading=reading)
        if multiplier.name in found:
            raise ValueError(f"the multipliers must have different names, got two called "
                             f"{multiplier.name!r}")  # fmt: skip
        found[multiplier.name] = multiplier, netlist
    return found


def read_energies(path: Path) -> dict[str, float]:
    r"""Read relative energies from a CSV file with the columns `multiplier` and `relative_energy`.

    Args:
        path: The file.

    Raises:
        OSError: If it cannot be read.
        ValueError: If a column is missing, a name occurs twice, a figure is no number of at least
            0, or the file is larger than any of its kind.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "energies.csv")
        ...     _ = file.write_text("multiplier,relative_energy\nmine,0.25\n")
        ...     read_energies(file)
        {'mine': 0.25}
    """
    energies: dict[str, float] = {}
    reader = csv.DictReader(read_text(path).splitlines())
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise ValueError(f"{path}: not a CSV file: {error}") from None
    missing = {"multiplier", "relative_energy"} - set(reader.fieldnames or ())
    if missing:
        raise ValueError(f"{path}: lacks the column {', '.join(sorted(missing))}")
    for line, row in rows:
        place = f"{path}:{line}"
        name, text = row["multiplier"], row["relative_energy"]
        try:
            value = float(text)
        except (TypeError, ValueError):
            raise ValueError(f"{place}: 'relative_energy' must be a number, got {text!r}") from None
        if not 0 <= value < float("inf"):
            raise ValueError(f"{place}: 'relative_energy' must be at least 0, got {text}")
        if name in energies:
            raise ValueError(f"{place}: multiplier {name!r} must occur once")
        energies[name] = value
    return energies
