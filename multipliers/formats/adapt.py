"""AdaPT's C headers (``.h``): ``const int16_t lut [256][256]`` of two signed operands.

AdaPT's kernels read ``lut[(uint8_t)a][(uint8_t)b]`` for an activation ``a`` and a weight ``b``, so
that row and column are codes in two's complement, without an offset (``adapt/cpu-kernels/
axx_linear.cpp``). Its converter (``tools/LUT_convert.ipynb``) fills the quadrant of two negative
operands with the products of their absolute values.

References:
    D. Danopoulos, G. Zervakis, K. Siozios, D. Soudris and J. Henkel, "AdaPT: Fast Emulation of
    Approximate DNN Accelerators in PyTorch", IEEE TCAD 42(6), 2023; github.com/dimdano/adapt.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from multipliers.bounded_file import read_text
from multipliers.formats.table_layout import (
    MOST_BYTES,
    Order,
    TableLayout,
    check_nothing_stated,
    check_order,
    parse_header,
)
from multipliers.formats.table_text import parse_row, table_rows
from multipliers.multiplier import Multiplier
from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_path
from multipliers.signedness import Signedness

_COMMENT = re.compile(r"//([^\n]*)|/\*(.*?)(?:\*/|\Z)", re.DOTALL)
_BEGIN = re.compile(r"\blut\s*\[\s*256\s*\]\s*\[\s*256\s*\]\s*=\s*\{")
_ROW = re.compile(r"\s*\{([^{}]*)\}\s*,?")
_END = re.compile(r"\s*\}\s*;\s*(#endif\s*)?")


def read_adapt(
    path: str | Path, *, signed: Signedness = None, order: Order | None = None
) -> Multiplier:
    """Read a C header of AdaPT.

    Args:
        path: The file, UTF-8, with one array ``lut[256][256]``.
        signed: None or True, as the format has signed operands only.
        order: ``"wx"`` if the header was made with its operands exchanged, so that the row is the
            code of the second; None takes the format's order, the activation first.

    Returns:
        The multiplier, named as the file unless a comment that `save` wrote names it.

    Raises:
        FileNotFoundError: If there is no such file.
        NetlistError: If the file is too large, not UTF-8, or has no such array.
        ValueError: If `signed` says that an operand is unsigned, or repeats what a comment states.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> from multipliers import exact_products
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "mul8s_exact.h"
        ...     exact = Multiplier.from_lut(exact_products(True, True), name="exact")
        ...     _ = path.write_text(adapt_header(exact))
        ...     read_adapt(path) == exact
        True
    """
    path = check_path("path", path)
    text = read_text(path, most=MOST_BYTES)
    comments = [line for match in _COMMENT.finditer(text)
                for line in (match[1] or match[2] or "").split("\n")]  # fmt: skip
    layout = parse_header(path, comments)
    if layout is not None:
        check_nothing_stated(path, signed, order)
    elif signed not in (None, True, (True, True)):
        raise ValueError(f"{path}: an AdaPT header has signed operands, got signed={signed!r}")
    else:
        layout = TableLayout.stated_by_caller(path, True, check_order(order) or "xw")
    code = _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
    begin = _BEGIN.search(code)
    if begin is None:
        raise NetlistError("the file must have an array lut[256][256]", file=str(path))
    rows: list[list[int]] = []
    position = begin.end()
    while row := _ROW.match(code, position):
        line = code.count("\n", 0, row.start(1)) + 1
        if len(rows) == 256:
            raise NetlistError("the array must have 256 rows", file=str(path), line=line)
        rows.append(parse_row(row[1], str(path), line))
        position = row.end()
    if len(rows) != 256 or not _END.match(code, position):
        line = code.count("\n", 0, position) + 1
        message = f"the array must have 256 rows and end with '}};', got {len(rows)} rows"
        raise NetlistError(message, file=str(path), line=line)
    return layout.multiplier(path, np.array(rows, dtype=np.int64))


def adapt_header(multiplier: Multiplier) -> str:
    """Return a multiplier as a C header for AdaPT, which `read_adapt` reads back.

    Args:
        multiplier: The multiplier, with signed operands and products that fit int16.

    Returns:
        Text of the file.

    Raises:
        ValueError: If an operand is unsigned, or a product does not fit int16.

    Examples:
        >>> from multipliers import exact_products
        >>> exact = Multiplier.from_lut(exact_products(True, True), name="exact")
        >>> adapt_header(exact).splitlines()[8]
        'const int16_t lut [256][256] = {'
    """
    if not (multiplier.x_port.signed and multiplier.w_port.signed):
        raise ValueError(f"an AdaPT header must have signed operands, got {multiplier}")
    least, greatest = int(multiplier.lut.min()), int(multiplier.lut.max())
    if least < -0x8000 or greatest > 0x7FFF:
        raise ValueError(f"an AdaPT header must hold -32768 to 32767, got {least} to {greatest}")
    header = [f"// {line}" for line in TableLayout.of(multiplier).header()]
    rows = ",\n".join(f"{{{row}}}" for row in table_rows(multiplier.lut, ", "))
    lines = [*header, "#include <stdint.h>", "const int16_t lut [256][256] = {", rows + "};"]
    return "\n".join(lines) + "\n"
