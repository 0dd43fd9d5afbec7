"""TFApprox's tables (``.bin``): 65536 products as uint16, little endian, operands unsigned.

The index is 256 times the code of one operand plus that of the other. TFApprox's own files were
made from EvoApproxLib's C models, most of which take the Verilog module's operands in the opposite
order, so that a table alone does not tell which is which.

References:
    F. Vaverka, V. Mrazek, Z. Vasicek and L. Sekanina, "TFApprox: Towards a Fast Emulation of DNN
    Approximate Hardware Accelerators on GPU", DATE 2020.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from multipliers.bounded_file import read_bytes
from multipliers.formats.table_layout import Order, TableLayout, check_order
from multipliers.multiplier import Multiplier
from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_path
from multipliers.signedness import Signedness

_BYTES = 2 * 256 * 256


def read_tfapprox(
    path: str | Path, *, signed: Signedness = None, order: Order | None = None
) -> Multiplier:
    """Read a table of TFApprox.

    Args:
        path: The file.
        signed: None or False, as the format has unsigned operands only.
        order: ``"xw"`` if an entry's index is 256 times the first operand's code plus the
            second's, ``"wx"`` if it is the other way round, as in TFApprox's own files for the
            ports A, B of EvoApproxLib's Verilog.

    Returns:
        The multiplier, named as the file.

    Raises:
        FileNotFoundError: If there is no such file.
        NetlistError: If the file is not 131072 bytes long.
        ValueError: If `order` is not stated, or `signed` says that an operand is.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "mul8u_zero.bin"
        ...     _ = path.write_bytes(bytes(131072))
        ...     print(read_tfapprox(path, order="wx"))
        mul8u_zero: unsigned 8-bit (0..255) x unsigned 8-bit (0..255)
    """
    path = check_path("path", path)
    if signed not in (None, False, (False, False)):
        raise ValueError(f"{path}: a TFApprox table has unsigned operands, got signed={signed!r}")
    layout = TableLayout.stated_by_caller(path, False, order)
    content = read_bytes(path, most=_BYTES)
    if len(content) != _BYTES:
        message = f"a TFApprox table must have {_BYTES} bytes, got {len(content)}"
        raise NetlistError(message, file=str(path))
    return layout.multiplier(path, np.frombuffer(content, dtype="<u2").reshape(256, 256))


def tfapprox_table(multiplier: Multiplier, order: Order | None) -> bytes:
    """Return a multiplier as a table of TFApprox.

    Args:
        multiplier: The multiplier, with unsigned operands and products from 0 to 65535.
        order: As for `read_tfapprox`.

    Returns:
        Content of the file.

    Raises:
        ValueError: If the operands are not unsigned 8-bit, a product does not fit uint16, or
            `order` is not stated.

    Examples:
        >>> from multipliers import exact_products
        >>> table = exact_products(False, False)
        >>> exact = Multiplier.from_lut(table, x_signed=False, w_signed=False)
        >>> tfapprox_table(exact, "xw")[2 * (256 + 3)]
        3
    """
    ports = multiplier.x_port, multiplier.w_port
    if any(port.signed or port.width != 8 for port in ports):
        raise ValueError(f"a TFApprox table must have unsigned 8-bit operands, got {multiplier}")
    least, greatest = int(multiplier.lut.min()), int(multiplier.lut.max())
    if least < 0 or greatest > 0xFFFF:
        raise ValueError(f"a TFApprox table must hold 0 to 65535, got {least} to {greatest}")
    if check_order(order) is None:
        raise ValueError(
            "a TFApprox table must be given its operand order: order='xw' for rows of the first "
            "operand, order='wx' for rows of the second, as in TFApprox's own files "
            "(--output-order on the command line)"
        )
    table = multiplier.lut if order == "xw" else multiplier.lut.T
    return table.astype("<u2").tobytes()
