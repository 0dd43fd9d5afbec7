"""The tables of docs/families.md, written from the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

from multipliers.characterisation.characterise import characterise
from multipliers.families.catalogue import FAMILIES, get, info, names
from multipliers.families.family import Family


def families_table() -> str:
    """Return a Markdown table of all families: definition, parameters, signs, netlist, source.

    Returns:
        Lines of the table, without a final line break.

    Examples:
        >>> for line in families_table().splitlines()[:1]:
        ...     print(line)
        | family | product | parameters | signed version | netlist | source |
    """
    rows = [
        [
            f"{family.title}, `{family.template}`",
            family.definition,
            family.domain or "none",
            family.signed_form,
            _netlist(family),
            family.citation,
        ]
        for family in FAMILIES.values()
    ]
    header = ["family", "product", "parameters", "signed version", "netlist", "source"]
    return _table(header, rows, left_aligned=len(header))


def figures_table() -> str:
    """Return a Markdown table of the error figures of the catalogue's 8-bit multipliers.

    Returns:
        Lines of the table, without a final line break: one per unsigned multiplier, with the mean
        error distance of the signed one in the last column.

    Examples:
        >>> [line for line in figures_table().splitlines() if "drum4" in line]
        ['| `drum4` | 925.858 | 119.751 | 5.887 | 7425 | 97.72 | 240.693 |']
    """
    rows = []
    for name in names():
        if info(name).signed:
            continue
        short = name.removeprefix("mul8u_")
        figures = characterise(get(name))
        rows.append(
            [
                f"`{short}`",
                f"{figures.mae:.3f}",
                f"{figures.error_mean:.3f}",
                f"{100 * figures.mred:.3f}",
                f"{figures.wce}",
                f"{100 * figures.error_rate:.2f}",
                f"{characterise(get(f'mul8s_{short}')).mae:.3f}",
            ]
        )
    header = ["multiplier", "MED", "bias", "MRED %", "WCE", "ER %", "MED signed"]
    return _table(header, rows, left_aligned=1)


def refresh(path: str | Path) -> None:
    """Write the tables into a Markdown file, between its ``<!-- name: begin -->`` and ``end``.

    Args:
        path: The file, which has such a pair of lines for ``families`` and for ``figures``.

    Raises:
        OSError: If the file cannot be read or written.
        ValueError: If a pair of lines is missing.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     refresh(Path(folder) / "families.md")
        Traceback (most recent call last):
        FileNotFoundError: ...
    """
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    for name, table in (("families", families_table()), ("figures", figures_table())):
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        pattern = re.compile(f"(?<={re.escape(begin)}).*?(?={re.escape(end)})", re.DOTALL)
        text, count = pattern.subn(lambda _match, table=table: f"{table}\n", text)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"{path}: there must be one pair {begin.strip()} and {end}")
    path.write_text(text, encoding="utf-8")


def _netlist(family: Family) -> str:
    if not family.has_circuit(signed=False):
        return "no"
    return "yes" if family.has_circuit(signed=True) else "unsigned"


def _table(header: list[str], rows: list[list[str]], *, left_aligned: int) -> str:
    rule = ["---" if column < left_aligned else "---:" for column in range(len(header))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *rows])
