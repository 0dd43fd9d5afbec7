"""Which look-up kernel runs on this CPU."""

import os
from functools import cache
from typing import Any

from multipliers.parameters import check_kind

VARIABLE = "TORCHAPPROX_KERNEL"

# From the one that needs most, with the CPU features that each needs.
_NEEDS = {
    "vbmi": ("avx512f", "avx512bw", "avx512vbmi"),
    "avx512bw": ("avx512f", "avx512bw"),
    "avx2": ("avx2",),
    "expanded": (),  # but a compiler
    "portable": (),
}
# By the first kernel that a CPU runs, those among which a product's sizes decide. `expanded` was
# not measured on CPUs with AVX-512.
_CHOICE = {
    "vbmi": ("vbmi",),
    "avx512bw": ("avx512bw",),
    "avx2": ("avx2", "expanded"),
    "expanded": ("expanded",),
    "portable": (),
}


@cache
def available_kernels() -> tuple[str, ...]:
    """Return the names of the kernels that this CPU runs, from the one that needs most of it.

    Examples:
        >>> available_kernels()[-1]
        'portable'
    """
    if not compiles():
        return ("portable",)
    features = cpu_features()
    return tuple(name for name, needs in _NEEDS.items() if features.issuperset(needs))


def forced_kernel(name: str | None) -> str | None:
    """Return the kernel that an argument or else the environment forces; None if neither does.

    Args:
        name: Name of a kernel; None leaves the choice to the environment variable
            ``TORCHAPPROX_KERNEL``, and without it to the program.

    Raises:
        ValueError: There is no kernel of this name.
        NotImplementedError: This CPU does not run it, or Numba's compiler is switched off.

    Examples:
        >>> forced_kernel("portable")
        'portable'
    """
    if name is not None:
        check_kind("kernel", name, str)
    wanted = name or os.environ.get(VARIABLE) or None
    if wanted is None or wanted in available_kernels():
        return wanted
    origin = f"'kernel' must be one of {', '.join(_NEEDS)}"
    if name is None:
        origin = f"the environment variable {VARIABLE} must be one of {', '.join(_NEEDS)}"
    if wanted not in _NEEDS:
        raise ValueError(f"{origin}, got {wanted!r}")
    if not compiles():
        raise NotImplementedError(
            f"{origin}, got {wanted!r}, which needs Numba's compiler, switched off by "
            "NUMBA_DISABLE_JIT; 'portable' runs without it"
        )
    missing = [feature for feature in _NEEDS[wanted] if feature not in cpu_features()]
    raise NotImplementedError(
        f"{origin}, got {wanted!r}, which needs a CPU with {', '.join(missing)}; "
        f"this one runs {', '.join(available_kernels())}"
    )


def line_kernels(name: str | None) -> tuple[str, ...]:
    """Return the kernels to choose from that read lines of codes, none for the portable one.

    Args:
        name: The kernel that is forced, as `forced_kernel` returns it, or None.

    Examples:
        >>> line_kernels("expanded"), line_kernels("portable")
        (('expanded',), ())
    """
    if name is None:
        return _CHOICE[available_kernels()[0]]
    return () if name == "portable" else (name,)


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
