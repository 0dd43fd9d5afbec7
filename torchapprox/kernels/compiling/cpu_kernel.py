"""Which look-up kernel runs on this CPU."""

import os
from functools import cache
from typing import Any

VARIABLE = "TORCHAPPROX_KERNEL"

# Fastest first, with the CPU features that each needs.
_NEEDS = {
    "vbmi": ("avx512f", "avx512bw", "avx512vbmi"),
    "avx512bw": ("avx512f", "avx512bw"),
    "avx2": ("avx2",),
    "portable": (),
}


@cache
def available_kernels() -> tuple[str, ...]:
    """Return the names of the kernels that this CPU runs, fastest first.

    Examples:
        >>> available_kernels()[-1]
        'portable'
    """
    features = cpu_features()
    return tuple(name for name, needs in _NEEDS.items() if features.issuperset(needs))


def forced_kernel(name: str | None) -> str | None:
    """Return the kernel that an argument or else the environment forces; None if neither does.

    Args:
        name: Name of a kernel; None leaves the choice to the environment variable
            ``TORCHAPPROX_KERNEL``, and without it to the program.

    Raises:
        ValueError: There is no kernel of this name.
        NotImplementedError: This CPU does not run it.

    Examples:
        >>> forced_kernel("portable")
        'portable'
    """
    wanted = name or os.environ.get(VARIABLE) or None
    if wanted is None or wanted in available_kernels():
        return wanted
    origin = f"'kernel' must be one of {', '.join(_NEEDS)}"
    if name is None:
        origin = f"the environment variable {VARIABLE} must be one of {', '.join(_NEEDS)}"
    if wanted not in _NEEDS:
        raise ValueError(f"{origin}, got {wanted!r}")
    missing = [feature for feature in _NEEDS[wanted] if feature not in cpu_features()]
    raise NotImplementedError(
        f"{origin}, got {wanted!r}, which needs a CPU with {', '.join(missing)}; "
        f"this one runs {', '.join(available_kernels())}"
    )


def vector_kernel(name: str | None) -> str | None:
    """Return the kernel that looks up in registers, or None where the portable one is to run.

    Args:
        name: As `forced_kernel` returns it; None for the fastest.

    Examples:
        >>> vector_kernel("portable")
    """
    chosen = name or available_kernels()[0]
    return None if chosen == "portable" else chosen


def compiles() -> bool:
    """Return whether Numba compiles kernels, rather than run them as Python."""
    return not _numba_config().DISABLE_JIT


@cache
def _numba_config() -> Any:
    import numba  # noqa: PLC0415  which takes a while to load

    return numba.config


@cache
def cpu_features() -> frozenset[str]:
    """Return the CPU features that kernels may be compiled for, by LLVM's names.

    Those of the host, unless Numba is told to compile for another CPU or not at all.
    """
    from llvmlite import binding  # noqa: PLC0415  which takes a while to load

    config = _numba_config()
    if not compiles():
        return frozenset()
    if config.CPU_FEATURES is not None:
        wanted = config.CPU_FEATURES.split(",")
        return frozenset(feature[1:] for feature in wanted if feature.startswith("+"))
    if config.CPU_NAME not in (None, "host"):
        return frozenset()
    return frozenset(name for name, present in binding.get_host_cpu_features().items() if present)
