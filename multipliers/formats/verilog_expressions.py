"""Verilog expressions lowered to gates, one net per bit, the least significant bit first.

pyslang has already sized every operand: a conversion node stands wherever the standard widens,
truncates or reinterprets one, so that each function here yields exactly the width of its node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from multipliers.netlists.builder import NetlistBuilder, Place
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import CONSTANT_0, CONSTANT_1
from multipliers.netlists.netlist_error import NetlistError

Expression = Any
"""An expression of pyslang's elaborated syntax tree, told apart by the name of its kind."""

Locate = Callable[[Any], Place]
"""File and line of a source location."""

Nets = list[int]
"""Nets of a word, the least significant bit first."""

WIDEST = 1 << 16
"""Greatest width of a wire or expression."""

_BITWISE = {"BinaryAnd": Op.AND, "BinaryOr": Op.OR, "BinaryXor": Op.XOR, "BinaryXnor": Op.XNOR}
_INVERTED = {Op.AND: Op.NAND, Op.OR: Op.NOR, Op.XOR: Op.XNOR, Op.XNOR: Op.XOR}
_REFUSED = {"Call": "a function call", "HierarchicalValue": "a hierarchical name"}
_SYMBOLS = {
    "Subtract": "-", "Multiply": "*", "Divide": "/", "Mod": "%", "Power": "**",
    "Equality": "==", "Inequality": "!=", "CaseEquality": "===", "CaseInequality": "!==",
    "GreaterThan": ">", "GreaterThanEqual": ">=", "LessThan": "<", "LessThanEqual": "<=",
    "LogicalAnd": "&&", "LogicalOr": "||", "LogicalShiftLeft": "<<", "LogicalShiftRight": ">>",
    "ArithmeticShiftLeft": "<<<", "ArithmeticShiftRight": ">>>", "Minus": "-", "Plus": "+",
    "BitwiseAnd": "reduction &", "BitwiseOr": "reduction |", "BitwiseXor": "reduction ^",
    "BitwiseNand": "reduction ~&", "BitwiseNor": "reduction ~|", "BitwiseXnor": "reduction ~^",
}  # fmt: skip


@dataclass(slots=True)
class Scope:
    """The names of one module instance.

    Args:
        builder: Takes the gates.
        locate: Finds file and line of a source location.
        nets: Nets of each wire and port.
    """

    builder: NetlistBuilder
    locate: Locate
    nets: dict[str, Nets] = field(default_factory=dict)


def lower(scope: Scope, expression: Expression) -> Nets:
    """Add the gates of an expression.

    Args:
        scope: Names and builder.
        expression: The right side of an assignment, or the value of a pin.

    Returns:
        Its nets.

    Raises:
        NetlistError: If the expression uses another operator or construct, or unknown bits.
    """
    if expression.type.bitWidth > WIDEST:
        raise too_wide(
            "a word", expression.type.bitWidth, scope.locate(expression.sourceRange.start)
        )
    constant = expression.constant  # what elaboration had to evaluate, such as bounds
    if constant is not None:
        return _bits(scope, expression, constant.value)
    kind = expression.kind.name
    rule = _RULES.get(kind)
    if rule is None:
        raise _refusal(scope, expression, _REFUSED.get(kind, f"an expression of kind {kind}"))
    return rule(scope, expression)


def lower_target(scope: Scope, assignment: Expression) -> Nets:
    """Return the nets to which an assignment, or an output's pin, assigns.

    Args:
        scope: Names and builder.
        assignment: The assignment, its left side of wires, selects and concatenations of them.

    Returns:
        Its nets.

    Raises:
        NetlistError: If the left side is no such thing.
    """
    target = assignment.left if assignment.kind.name == "Assignment" else assignment
    if target.kind.name not in ("NamedValue", "ElementSelect", "RangeSelect", "Concatenation"):
        raise _refusal(scope, target, f"assignment to an expression of kind {target.kind.name}")
    return _RULES[target.kind.name](scope, target)


def _bits(scope: Scope, expression: Expression, value: Any) -> Nets:
    """Return a constant's bits."""
    if not expression.type.isIntegral or value.hasUnknown:
        raise _refusal(scope, expression, f"the value {value}")
    number = int(value)
    width = expression.type.bitWidth
    return [CONSTANT_1 if number >> bit & 1 else CONSTANT_0 for bit in range(width)]


def _literal(scope: Scope, expression: Expression) -> Nets:
    return _bits(scope, expression, expression.value)


def _named_value(scope: Scope, expression: Expression) -> Nets:
    symbol = expression.symbol
    if symbol.kind.name == "Parameter":
        return _bits(scope, expression, symbol.value.value)
    nets = scope.nets.get(symbol.name)
    if nets is None:
        raise _refusal(scope, expression, f"'{symbol.name}', which is no wire of this module,")
    return nets


def _element_select(scope: Scope, expression: Expression) -> Nets:
    index = _index(scope, expression.selector)
    return _slice(scope, expression, index, index)


def _range_select(scope: Scope, expression: Expression) -> Nets:
    left, right = _index(scope, expression.left), _index(scope, expression.right)
    kind = expression.selectionKind.name
    if kind != "Simple":  # the right side is a width
        right = left + right - 1 if kind == "IndexedUp" else left - right + 1
    return _slice(scope, expression, left, right)


def _slice(scope: Scope, expression: Expression, left: int, right: int) -> Nets:
    """Return the elements between two indices of a vector, whichever way it is declared."""
    nets = lower(scope, expression.value)
    vector = expression.value.type
    bounds = vector.fixedRange
    element = vector.bitWidth // bounds.width
    low, high = sorted(abs(index - bounds.right) for index in (left, right))
    return nets[low * element : (high + 1) * element]


def _index(scope: Scope, expression: Expression) -> int:
    if expression.constant is None:
        raise _refusal(scope, expression, "a select by a signal")
    return int(expression.constant.value)


def _concatenation(scope: Scope, expression: Expression) -> Nets:
    return [net for part in reversed(list(expression.operands)) for net in lower(scope, part)]


def _replication(scope: Scope, expression: Expression) -> Nets:
    return lower(scope, expression.concat) * _index(scope, expression.count)


def _conversion(scope: Scope, expression: Expression) -> Nets:
    """Truncate or extend; an operand of a wider expression takes over the expression's sign."""
    nets = lower(scope, expression.operand)
    propagated = expression.conversionKind.name == "Propagated"
    signed = (expression if propagated else expression.operand).type.isSigned
    width = expression.type.bitWidth
    filling = nets[-1] if signed else CONSTANT_0
    return nets[:width] + [filling] * (width - len(nets))


def _unary(scope: Scope, expression: Expression) -> Nets:
    operand, op = expression.operand, expression.op.name
    if op not in ("BitwiseNot", "LogicalNot"):
        raise _refusal(scope, expression, f"operator '{_SYMBOLS.get(op, op)}'")
    if op == "LogicalNot" and operand.type.bitWidth > 1:
        nets = lower(scope, operand)
        return [_chain(scope.builder, Op.OR, nets, invert=True)]
    if operand.kind.name == "BinaryOp" and operand.op.name in _BITWISE:
        return _bitwise(scope, operand, invert=True)
    return [scope.builder.gate(Op.INV, net) for net in lower(scope, operand)]


def _binary(scope: Scope, expression: Expression) -> Nets:
    op = expression.op.name
    if op in _BITWISE:
        return _bitwise(scope, expression, invert=False)
    if op != "Add":
        raise _refusal(scope, expression, f"operator '{_SYMBOLS.get(op, op)}'")
    words = [lower(scope, operand) for operand in _operands(expression)]
    return scope.builder.add(words, expression.type.bitWidth)


def _bitwise(scope: Scope, expression: Expression, *, invert: bool) -> Nets:
    op = _BITWISE[expression.op.name]
    words = [lower(scope, operand) for operand in _operands(expression)]
    return [
        _chain(scope.builder, op, list(bits), invert=invert) for bits in zip(*words, strict=True)
    ]


def _operands(expression: Expression) -> list[Expression]:
    """Return the operands of a chain of one operator, ``a + b + c``, from left to right."""
    op, operands = expression.op, []
    while expression.kind.name == "BinaryOp" and expression.op == op:
        operands.append(expression.right)
        expression = expression.left
    return [expression, *reversed(operands)]


def _chain(builder: NetlistBuilder, op: Op, bits: Nets, *, invert: bool) -> int:
    """Join bits from left to right; the last gate is the inverting one where asked for."""
    total = bits[0]
    for bit in bits[1:-1]:
        total = builder.gate(op, total, bit)
    return builder.gate(_INVERTED[op] if invert else op, total, bits[-1])


def _conditional(scope: Scope, expression: Expression) -> Nets:
    """Select bit by bit; a condition of several bits holds if one of them is 1."""
    condition = lower(scope, expression.conditions[0].expr)
    if set(condition) <= {CONSTANT_0, CONSTANT_1}:  # elaboration leaves the other side out
        return lower(scope, expression.left if CONSTANT_1 in condition else expression.right)
    select = condition[0]
    if len(condition) > 1:
        select = _chain(scope.builder, Op.OR, condition, invert=False)
    left, right = lower(scope, expression.left), lower(scope, expression.right)
    return [
        scope.builder.gate(Op.MUX, off, on, select) for on, off in zip(left, right, strict=True)
    ]


_RULES: dict[str, Callable[[Scope, Expression], Nets]] = {
    "BinaryOp": _binary,
    "Concatenation": _concatenation,
    "ConditionalOp": _conditional,
    "Conversion": _conversion,
    "ElementSelect": _element_select,
    "IntegerLiteral": _literal,
    "NamedValue": _named_value,
    "RangeSelect": _range_select,
    "Replication": _replication,
    "UnaryOp": _unary,
    "UnbasedUnsizedIntegerLiteral": _literal,
}


def refusal(construct: str, place: Place) -> NetlistError:
    """Return the error for a construct that the reader does not take.

    Args:
        construct: What it is.
        place: File and line.

    Returns:
        The error to raise.

    Examples:
        >>> print(refusal("operator '*'", ("mul.v", 3)))
        mul.v:3: operator '*' is not supported, the file must be structural: ...
    """
    file, line = place
    message = (
        f"{construct} is not supported, the file must be structural: synthesise behavioural code "
        "to gates first, as load(path, synthesise=True) does with Yosys "
        "(--synthesise on the command line)"
    )
    return NetlistError(message, file=file, line=line)


def too_wide(what: str, width: int, place: Place) -> NetlistError:
    """Return the error for a wire or expression of more bits than any netlist needs.

    Args:
        what: What it is.
        width: Its number of bits.
        place: File and line.

    Returns:
        The error to raise.

    Examples:
        >>> print(too_wide("wire 'n'", 8000000, ("mul.v", 3)))
        mul.v:3: wire 'n' must have at most 65536 bits, got 8000000
    """
    file, line = place
    message = f"{what} must have at most {WIDEST} bits, got {width}"
    return NetlistError(message, file=file, line=line)


def _refusal(scope: Scope, expression: Expression, construct: str) -> NetlistError:
    return refusal(construct, scope.locate(expression.sourceRange.start))
