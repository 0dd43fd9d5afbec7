"""What is known of one multiplier: ports, error figures, cost, and the conditions of both."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.cosimulation.operand_stream import OperandStream
from analysis.cosimulation.stream_energy import operand_energy
from multipliers import (
    UNIT_GATES,
    CellTable,
    Cost,
    ErrorFigures,
    MredConvention,
    Multiplier,
    Netlist,
    Port,
    StandardErrors,
    characterise,
    characterise_function,
    circuit_cost,
    netlist_function,
)
from multipliers.characterisation.function_figures import Progress
from multipliers.characterisation.population import Weights
from multipliers.cost import PublishedCost
from multipliers.parameters import check_kind
from multipliers.signedness import Signedness, resolve_signedness

WIDEST_TABLE = 8
"""Width in bits of the widest port of a multiplier that has a table."""


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """Under which conditions figures hold.

    Attributes:
        mred: Convention of the mean relative error.
        weights: How often each pair of codes occurs, as `multipliers.characterise` takes it; all
            pairs alike if None.
        stream: A layer's operands: errors are weighted by how often it multiplies each pair, and
            the energy in its order is given too. None for uniform operands.
        cells: The user's own cell table, beside the unit gates.
        samples: Number of operand pairs that are drawn for ports wider than 8 bits; None takes all
            pairs up to 24 bits of both operands together, see `multipliers.characterise_function`.
        seed: Seed of the sample.

    Raises:
        ValueError: If both `weights` and `stream` are given.
    """

    mred: MredConvention = "skip-zero"
    weights: Weights = None
    stream: OperandStream | None = None
    cells: CellTable | None = None
    samples: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.weights is not None and self.stream is not None:
            raise ValueError("'weights' and 'stream' both weigh the operands; give one of them")

    @property
    def operand_weights(self) -> Weights:
        """Weights of the operand pairs, None for uniform operands."""
        return self.weights if self.stream is None else self.stream.joint_counts


UNIFORM = Conditions()
"""All operand pairs alike, errors relative to products other than 0, cost in unit gates."""


@dataclass(frozen=True, slots=True)
class DataSheet:
    """One multiplier's figures.

    Attributes:
        name: What tables call it.
        x_port: Port of the first operand (activation).
        w_port: Port of the second operand (weight).
        source: Where it came from.
        figures: Error figures per product.
        standard_errors: Of those figures that are means over a sample; None if they are exact.
        cost: Cost of the circuit, None if its gates are not known.
        energy_on_operands: Energy per multiplication of the operand stream, by the user's cell
            table if there is one, else in unit-gate changes; None without stream or gates.
    """

    name: str
    x_port: Port
    w_port: Port
    source: str
    figures: ErrorFigures
    standard_errors: StandardErrors | None
    cost: Cost | None
    energy_on_operands: float | None


def data_sheet(
    multiplier: Multiplier | Netlist,
    *,
    netlist: Netlist | None = None,
    signed: Signedness = None,
    published: PublishedCost | None = None,
    conditions: Conditions = UNIFORM,
    progress: Progress | None = None,
) -> DataSheet:
    """Return the figures of a multiplier.

    Args:
        multiplier: The multiplier, or its gates: of up to 8 bits an operand, for which its whole
            table is made, or of up to 16, for which errors are counted in blocks or on a sample.
        netlist: The multiplier's gates, if `multiplier` is not the gates themselves.
        signed: Signedness of the operands of gates; None takes it from their declaration or name.
        published: Published cost, which wins over the computed one.
        conditions: What the figures hold for.
        progress: Called with the numbers of operand pairs done and of all, for gates too wide for
            a table.

    Returns:
        The figures.

    Raises:
        NotImplementedError: If gates have other ports than a multiplier's.
        ValueError: If the conditions do not fit the multiplier, or gates' signedness is unknown.

    Examples:
        >>> from multipliers import array_multiplier, get
        >>> data_sheet(get("drum4")).figures.wce
        7425
        >>> sheet = data_sheet(array_multiplier(signed=True, width=9))
        >>> sheet.figures.wce, sheet.x_port.low, sheet.cost.live_gates
        (0, -256, 226)
    """
    check_kind("conditions", conditions, Conditions)
    if isinstance(multiplier, Netlist):
        netlist = multiplier
        if any(bus.width > WIDEST_TABLE for bus in netlist.inputs):
            return _wide_data_sheet(netlist, signed, published, conditions, progress)
        multiplier = Multiplier.from_netlist(netlist, signed=signed)
    figures = characterise(multiplier, mred=conditions.mred, weights=conditions.operand_weights)
    energy = None
    if netlist is not None and conditions.stream is not None:
        cells = conditions.cells or UNIT_GATES
        energy = operand_energy(netlist, conditions.stream, cells=cells).energy_per_multiplication
    return DataSheet(
        multiplier.name,
        multiplier.x_port,
        multiplier.w_port,
        multiplier.source,
        figures,
        None,
        _cost(netlist, published, conditions),
        energy,
    )


def _wide_data_sheet(
    netlist: Netlist,
    signed: Signedness,
    published: PublishedCost | None,
    conditions: Conditions,
    progress: Progress | None,
) -> DataSheet:
    """Return the figures of gates that are too wide for a table."""
    if conditions.operand_weights is not None:
        raise ValueError(
            f"operand distributions and streams are for ports of up to {WIDEST_TABLE} bits, "
            f"got {netlist}"
        )
    widths = [bus.width for bus in netlist.inputs]
    if len(widths) != 2 or [bus.width for bus in netlist.outputs] != [sum(widths)]:
        raise NotImplementedError(
            "a multiplier must have two inputs and one output as wide as both together, "
            f"got {netlist}"
        )
    signs = resolve_signedness(signed, netlist.name, declared=netlist.declared_signs)
    x_port, w_port = (Port(width, sign) for width, sign in zip(widths, signs, strict=True))
    found = characterise_function(
        netlist_function(netlist, signed=signs),
        x_port,
        w_port,
        samples=conditions.samples,
        seed=conditions.seed,
        mred=conditions.mred,
        progress=progress,
    )
    return DataSheet(
        netlist.name,
        x_port,
        w_port,
        netlist.source or "netlist",
        found.figures,
        None if found.exhaustive else found.standard_errors,
        _cost(netlist, published, conditions),
        None,
    )


def _cost(
    netlist: Netlist | None, published: PublishedCost | None, conditions: Conditions
) -> Cost | None:
    if netlist is None:
        return None
    return circuit_cost(netlist, cells=conditions.cells, published=published)
