"""Tables as CUDA kernels read them, on their device, prepared once and found again by content."""

from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from torchapprox.kernels.lookup.lookup_table import LookupTable, lookup_table
from torchapprox.operators.remembered import writes

MOST_SPAN = 2**16 - 1  # of the entries of a table that is kept in 16 bits


class DeviceTable:
    """A product table on one device, in the forms that are asked for.

    Args:
        host: The table in the host's memory.
        device: The device.

    Attributes:
        host: The same.
        range: Least and greatest entry.
    """

    def __init__(self, host: LookupTable, device: torch.device) -> None:
        self.host = host
        self.range: tuple[int, int] = int(host.by_x.min()), int(host.by_x.max())
        self._device = device
        self._forms: dict[tuple[bool, bool], Tensor] = {}

    def rows(self, *, by_x: bool) -> Tensor:
        """Return the table, int32 `(256, 256)`, contiguous.

        Args:
            by_x: Whether activation codes select rows, else weight codes.
        """
        return self._form(by_x, image=False)

    def image(self, *, by_x: bool) -> Tensor:
        """Return the entries less the least one in 16 bits each, see `table_image`."""
        return self._form(by_x, image=True)

    def _form(self, by_x: bool, *, image: bool) -> Tensor:
        key = by_x, image
        if key not in self._forms:
            rows = torch.from_numpy(self.host.by_x if by_x else self.host.by_w)
            form = table_image(rows, self.range[0]) if image else rows
            with torch.inference_mode(mode=False):
                self._forms[key] = form.to(self._device, copy=True)
        return self._forms[key]


def device_table(lut: Tensor) -> DeviceTable:
    """Return the forms of a table on its device.

    A tensor's content is read once, and again after it was written: that waits for the device, all
    later calls do not. Layers with equal tables share the forms.

    Args:
        lut: Products, int32 `(256, 256)`, row = activation code, in any layout.

    Examples:
        >>> lut = torch.arange(256, dtype=torch.int32).repeat(256, 1)
        >>> device_table(lut) is device_table(lut.clone())
        True
        >>> device_table(lut).range
        (0, 255)
    """
    version = writes(lut)
    if lut in _by_tensor and version is not None:
        known: DeviceTable
        seen, known = _by_tensor[lut]
        if seen == version:
            return known
    host = lookup_table(lut.detach().cpu().numpy())
    by_device = _by_content.setdefault(host, {})
    if lut.device not in by_device:
        by_device[lut.device] = DeviceTable(host, lut.device)
    table = by_device[lut.device]
    _by_tensor[lut] = version, table
    return table


def least_of_image(lut_range: tuple[int, int], *, wide: bool) -> int | None:
    """Return the least entry of a table that the kernels keep in 16 bits, None of any other one.

    Args:
        lut_range: Bounds on the table's entries.
        wide: Whether sums may not fit int32.
    """
    least, greatest = lut_range
    return None if wide or greatest - least > MOST_SPAN else least


def table_image(table: Tensor, least: int) -> Tensor:
    """Return a table's entries less ``least`` in 16 bits, as `lookup_cuda` takes them.

    Examples:
        >>> table = torch.arange(256).repeat(256, 1).int() - 5
        >>> table_image(table, -5)[7, 3] == 3 + (131 << 16)
        tensor(True)
    """
    entries = table - least
    return entries[:, :128] | (entries[:, 128:] << 16)


_by_tensor: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
_by_content: WeakKeyDictionary[LookupTable, dict[torch.device, DeviceTable]] = WeakKeyDictionary()
