"""Sums of products turned into gates, the logic function of BLIF."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import permutations

from multipliers.netlists.builder import NetlistBuilder, Place
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import CONSTANT_0, CONSTANT_1

COVERS: dict[Op, tuple[str, ...]] = {
    Op.BUF: ("1",),
    Op.INV: ("0",),
    Op.AND: ("11",),
    Op.OR: ("1-", "-1"),
    Op.XOR: ("10", "01"),
    Op.NAND: ("0-", "-0"),
    Op.NOR: ("00",),
    Op.XNOR: ("11", "00"),
    Op.MUX: ("1-0", "-11"),
    Op.XOR3: ("100", "010", "001", "111"),
    Op.MAJ: ("11-", "1-1", "-11"),
}
"""Products whose sum is each gate's function: 1 and 0 for an input and its complement."""

_LITERALS = {"0": (0,), "1": (1,), "-": (0, 1)}


class CoverGates:
    """Adds the gates of sums of products, with one inverter for each net that needs it.

    Args:
        builder: Takes the gates.

    Examples:
        >>> builder = NetlistBuilder("implication")
        >>> (a,), (b,) = builder.input("a", 1), builder.input("b", 1)
        >>> y = builder.net("y")
        >>> CoverGates(builder).drive(y, [a, b], ["10"], on_set=False)
        >>> builder.output("y", [y])
        >>> [Op(op).name for op in builder.build().op]
        ['INV', 'NAND']
    """

    def __init__(self, builder: NetlistBuilder) -> None:
        self._builder = builder
        self._inverters: dict[int, int] = {}

    def drive(
        self,
        net: int,
        inputs: Sequence[int],
        products: Sequence[str],
        *,
        on_set: bool = True,
        place: Place | None = None,
    ) -> None:
        """Drive a net by a sum of products.

        Args:
            net: The net.
            inputs: Nets that the products read.
            products: For each product one character an input: 1, 0 for its complement, - for
                neither. No product at all is the constant 0.
            on_set: Whether the net is the sum, False for its complement.
            place: File and line for the messages of errors.

        Raises:
            NetlistError: If the net already has a driver.
        """
        if len(inputs) <= 3:
            known = _gates().get((len(inputs), _truth_table(len(inputs), products, on_set)))
            if isinstance(known, int):
                self._builder.connect(net, known, place)
                return
            if known is not None:
                op, chosen = known
                fan_in = [inputs[index] for index in chosen]
                if op is Op.BUF:
                    self._builder.connect(net, fan_in[0], place)
                else:
                    self._builder.drive(net, op, *fan_in, place=place)
                return
        self._drive_sum(net, inputs, products, on_set, place)

    def _drive_sum(
        self,
        net: int,
        inputs: Sequence[int],
        products: Sequence[str],
        on_set: bool,
        place: Place | None,
    ) -> None:
        terms = []
        for product in products:
            literals = [
                source if literal == "1" else self._inverse(source)
                for source, literal in zip(inputs, product, strict=True)
                if literal != "-"
            ]
            terms.append(literals or [CONSTANT_1])
        if not terms:
            self._builder.connect(net, CONSTANT_0 if on_set else CONSTANT_1, place)
            return
        if len(terms) == 1:
            self._join(net, Op.AND, Op.NAND, terms[0], on_set, place)
            return
        nets = [self._chain(Op.AND, literals) for literals in terms]
        self._join(net, Op.OR, Op.NOR, nets, on_set, place)

    def _join(
        self, net: int, op: Op, inverted: Op, nets: list[int], on_set: bool, place: Place | None
    ) -> None:
        """Drive `net` by a chain of gates, the last of which is the inverting one if asked for."""
        if len(nets) == 1:
            source = nets[0] if on_set else self._inverse(nets[0])
            self._builder.connect(net, source, place)
            return
        first = self._chain(op, nets[:-1])
        self._builder.drive(net, op if on_set else inverted, first, nets[-1], place=place)

    def _chain(self, op: Op, nets: list[int]) -> int:
        total = nets[0]
        for net in nets[1:]:
            total = self._builder.gate(op, total, net)
        return total

    def _inverse(self, net: int) -> int:
        if net in (CONSTANT_0, CONSTANT_1):
            return CONSTANT_1 - net
        if net not in self._inverters:
            self._inverters[net] = self._builder.gate(Op.INV, net)
        return self._inverters[net]


def _truth_table(inputs: int, products: Sequence[str], on_set: bool) -> int:
    """Return the function as a number whose bit k is its value at code k, input 0 the lowest."""
    table = 0
    for product in products:
        for code in range(1 << inputs):
            if all((code >> bit & 1) in _LITERALS[char] for bit, char in enumerate(product)):
                table |= 1 << code
    return table if on_set else ~table & ((1 << (1 << inputs)) - 1)


@cache
def _gates() -> dict[tuple[int, int], int | tuple[Op, tuple[int, ...]]]:
    """Return the constant net, or the gate and its inputs, for functions that are one."""
    known: dict[tuple[int, int], int | tuple[Op, tuple[int, ...]]] = {}
    for inputs in range(4):
        known[inputs, 0] = CONSTANT_0
        known[inputs, (1 << (1 << inputs)) - 1] = CONSTANT_1
        for op in Op:
            for chosen in permutations(range(inputs), op.arity):
                bits = (
                    op(*(code >> index & 1 for index in chosen)) << code
                    for code in range(1 << inputs)
                )
                known.setdefault((inputs, sum(bits)), (op, chosen))
    return known
