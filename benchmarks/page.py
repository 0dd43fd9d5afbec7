"""Write docs/results.md, the page of measured results, from benchmarks/results/*.json.

``python -m benchmarks.page``
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "results.md"

TRACKED: dict[str, tuple[str, str]] = {
    "table": ("Look-ups", "Products by look-up against a naive loop and float32."),
    "shapes": ("Look-ups over a grid of shapes", "M rows, N columns, K products in each sum."),
    "networks": ("Whole networks", "Forward passes and training steps relative to float32."),
    "calibration": ("Calibration", "A batch with histogram observers, relative to float32."),
    "library_networks": ("Networks of libraries", "What of them runs on a multiplier."),
    "engines": ("Look-ups or factors", "Layers by both engines, relative to the quantised layer."),
    "htp_tables": ("Factorisations and fitted models", "Of the package's own multipliers."),
    "multiplier_times": ("From a file to figures", "Against the time that was aimed at."),
    "error_models": ("Predicted and measured error", "By the model of a layer's error."),
    "noise_against_table": ("Noise for a table", "Spread and mean on the same operands."),
    "digits_accuracy": ("Accuracy without retraining", "On digits, three networks."),
    "retraining": ("Accuracy after retraining", "On digits, by method and multiplier."),
    "training_steps": ("Training steps", "Time and memory by the gradient."),
    "selection": ("Chosen multipliers", "Energy and accuracy by the method that chooses."),
    "sweep_throughput": ("Sweeps", "Evaluations a second on one and on two worker processes."),
    "cuda_registers": (
        "CUDA kernels compiled",
        "Registers, spills, occupancy; without a device.",
    ),
    "cuda_device": ("On a CUDA device", "Products and networks; integers equal the CPU's."),
}
"""Title and one sentence of each benchmark by the name of its script, in the page's order."""

HEAD = """\
# Measured results

<!-- Written by `python -m benchmarks.page` from benchmarks/results; do not edit. -->

What the scripts of `benchmarks/` printed, with the command that prints it again. Times are compared
within one run only, in which the candidates take turns; where a machine was shared with other
programs, it says so. With `--json` a script keeps what it prints in `benchmarks/results`, from
where `python -m benchmarks.page` takes it; `--shared` marks it, `--apart` keeps it beside the
record of a CPU with another look-up kernel.
"""


def page(folder: Path = RESULTS) -> str:
    """Return the page's text."""
    sections = [HEAD]
    for name, (title, about) in TRACKED.items():
        sections += [f"## {title}", about, *section(folder / f"{name}.json", name)]
        for apart in sorted(folder.glob(f"{name}-*.json")):
            sections += section(apart, name)
    return "\n\n".join(text.strip("\n") for text in sections) + "\n"


def section(file: Path, name: str) -> Iterator[str]:
    """Yield the paragraphs of one benchmark."""
    if not file.exists():
        yield f"No record yet: `python -m benchmarks.{name} --json`."
        return
    content = json.loads(file.read_text(encoding="utf-8"))
    yield f"    {content['command']}"
    yield where(content)
    for part in content["parts"]:
        if len(part.get("lines", ())) == 1:  # a sentence or a caption
            yield part["lines"][0]
        elif "lines" in part:
            yield "\n".join(["```text", *part["lines"], "```"])
        else:
            yield "\n".join(
                [
                    row_line(part["columns"]),
                    "|---" * len(part["columns"]) + "|",
                    *map(row_line, part["rows"]),
                ]
            )


def where(content: dict[str, Any]) -> str:
    """Return a sentence on machine, date and versions."""
    machine, versions = content["machine"], content["versions"]
    device = f", {machine['cuda']}" if machine["cuda"] else ""
    shared = ", shared with other programs" if content["shared"] else ""
    return (
        f"{content['date']}, {machine['processor']}{device}{shared}; "
        f"threads: {machine['threads']}, kernel {machine['kernel']}, torch {versions['torch']}, "
        f"Python {versions['python']}."
    )


def row_line(cells: list[str]) -> str:
    """Return a row of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
