"""Factorisations and fitted models of every table: rank, entries, exactness, time, differences.

``python -m benchmarks.htp_tables [FILE.npz ...]`` takes archives of named tables, int32
`(256, 256)` each, signed if the name starts with ``mul8s``; the package's own library follows.
"""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.published_htp import FEWEST_CALLS, Published, published_model
from benchmarks.record import recorded
from htp import HtpModel, RankError, factorise, fit, level
from multipliers import Multiplier, get, names
from multipliers.characterisation.rank import exact_rank

_FITTED_ABOVE = 16
_PEAKS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.52, 0.54, 0.6, 1.0, 3.0)


def tables(archives: list[Path]) -> Iterator[Multiplier]:
    """Yield the archives' multipliers, then the package's own."""
    for path in archives:
        with np.load(path) as archive:
            for name in archive:
                signed = name.startswith("mul8s")
                yield Multiplier.from_lut(
                    archive[name], name=name, x_signed=signed, w_signed=signed
                )
    for name in names():
        yield get(name)


def factorisation_row(multiplier: Multiplier) -> str:
    """Return one line on a multiplier's exact factorisation."""
    start = time.perf_counter()
    try:
        found = factorise(multiplier)
    except RankError as error:
        seconds = time.perf_counter() - start
        return f"{multiplier.name:24} rank {error.rank:3}  does not pay  {seconds:.2f} s"
    seconds = time.perf_counter() - start
    exact = np.array_equal(found.left @ found.right, multiplier.lut)
    int8 = np.array_equal(found.int8.table, multiplier.lut)
    return (
        f"{multiplier.name:24} rank {found.rank:3}  {found.part:5}  left {found.left.min():6}.."
        f"{found.left.max():<6} right {found.right.min():6}..{found.right.max():<6} "
        f"{'exact' if exact and int8 else 'WRONG'}  int8 terms {found.int8.cost[0]:3} in "
        f"{found.int8.cost[1]} GEMMs  "
        f"K int8 {found.exact_depth('int8'):6} float32 {found.exact_depth('float32'):6}  "
        f"{seconds:.2f} s"
    )


def candidates(multiplier: Multiplier, baseline: Published) -> Iterator[HtpModel]:
    """Yield models of at most as many calls as the baseline has: fits of several criteria."""
    terms = FEWEST_CALLS - 1
    yield fit(multiplier, terms=terms)
    yield fit(multiplier, terms=0)
    for peak in _PEAKS:
        yield fit(multiplier, terms=terms, criterion="absolute", peak=peak)
    # Errors that few pairs have: a constant of its own lowers the greatest one.
    most = baseline.max_abs_difference * (1 - 1e-9)
    for peak in _PEAKS:
        for fewer in (terms - 1, terms - 2):
            with contextlib.suppress(ValueError):
                model = fit(multiplier, terms=fewer, criterion="absolute", peak=peak)
                yield level(model, multiplier, most=most)


def beats(model: HtpModel, baseline: Published) -> bool:
    """Whether a model's mean and greatest differences are both smaller."""
    certificate = model.certificate
    return (
        certificate.mean_abs_difference < baseline.mean_abs_difference
        and certificate.max_abs_difference < baseline.max_abs_difference
    )


def fit_row(multiplier: Multiplier) -> str:
    """Return one line on fitted models beside the published one, at the same number of calls."""
    baseline = published_model(multiplier)
    tried = []
    for model in candidates(multiplier, baseline):
        tried.append(model)
        if beats(model, baseline):
            break
    else:
        tried.append(min(tried, key=lambda m: m.certificate.mean_abs_difference))
    best = tried[-1].certificate
    verdict = "better in both" if beats(tried[-1], baseline) else "NOT better in both"
    named = fit(multiplier, terms=FEWEST_CALLS - 1, basis="named").certificate
    more = ", ".join(
        f"{1 + terms} calls {c.mean_abs_difference:.4g}/{c.max_abs_difference:.4g}"
        for terms in (7, 15)
        for c in [fit(multiplier, terms=terms).certificate]
    )
    return (
        f"{multiplier.name:24} rank {exact_rank(multiplier.lut):3}  "
        f"published (k = {baseline.bits}) "
        f"{baseline.mean_abs_difference:.4g}/{baseline.max_abs_difference:.4g}  ours, {best.calls} "
        f"calls: {best.mean_abs_difference:.4g}/{best.max_abs_difference:.4g}  {verdict}  | named "
        f"{named.mean_abs_difference:.4g}/{named.max_abs_difference:.4g}  | {more}"
    )


def main() -> None:
    """Print both tables."""
    multipliers = list(tables([Path(word) for word in sys.argv[1:]]))
    factorise(multipliers[0])  # imports and warm caches
    print("Exact factorisation")
    for multiplier in multipliers:
        print(factorisation_row(multiplier), flush=True)
    print(f"\nFitted models, rank > {_FITTED_ABOVE}: mean/max |difference|, 4 calls each")
    for multiplier in multipliers:
        if exact_rank(multiplier.lut) > _FITTED_ABOVE:
            print(fit_row(multiplier), flush=True)


if __name__ == "__main__":
    recorded(main)
