"""The tables of a report as CSV and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multipliers.whole_file import write_whole


def write_tables(tables: Mapping[str, pd.DataFrame], directory: Path) -> None:
    """Write each table as a CSV file of its name, and all of them into `report.json`.

    Raises:
        OSError: If a file cannot be written.
    """
    for name, table in tables.items():
        content = table.to_csv(index=False, lineterminator="\n").encode()
        write_whole(directory / f"{name}.csv", content)
    records = {name: table.to_dict("records") for name, table in tables.items()}
    write_whole(directory / "report.json", _json(records))


def _json(records: dict[str, list[dict[Any, Any]]]) -> bytes:
    """Return tables as JSON, which has no NaN: null instead."""

    def plain(value: object) -> object:
        number = value.item() if isinstance(value, np.generic) else value
        return None if isinstance(number, float) and not math.isfinite(number) else number

    tables = {
        name: [{str(key): plain(value) for key, value in row.items()} for row in rows]
        for name, rows in records.items()
    }
    return json.dumps(tables, allow_nan=False).encode()
