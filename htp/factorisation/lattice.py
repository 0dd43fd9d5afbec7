"""Reduced bases of lattices: all integer combinations of a matrix's rows.

Vectors are inserted one at a time into a basis that is kept LLL-reduced (Lenstra, Lenstra and
Lovász 1982, in the form of Pohst 1987, which takes vectors that depend on the basis). Only integer
multiples of basis vectors are added and vectors swapped, in int64, so that the lattice cannot
change; floats decide which multiple and when. Vectors that are to come are reduced modulo the
basis, and the shortest comes next, which keeps numbers small and steps few. The end is proven by
integers too: no vector has a remainder.
"""

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_LOVASZ = 0.75
_NEGLIGIBLE = 1e-7
_ACCURATE_MULTIPLE = 2.0**20
_MOST_ROUNDS = 64
_MOST_STEPS = 1 << 17


def row_lattice_basis(matrix: Int64Array) -> Int64Array:
    """Return a reduced basis of the lattice that a matrix's rows generate.

    Args:
        matrix: Integers of less than 2^40 in size, `(rows, n)`.

    Returns:
        The basis, int64 `(r, n)`, r the rank: every row of the matrix is an integer combination
        of it, and it of the rows. Equal matrices give equal bases.

    Raises:
        ArithmeticError: The numbers are beyond the precision of floats.

    Examples:
        >>> row_lattice_basis(np.array([[6, 0, 6], [0, 2, 2], [4, 0, 4]])).tolist()
        [[0, 2, 2], [2, 0, 2]]
    """
    rest = _different_rows(matrix)
    basis = _Basis(matrix)
    while len(rest):
        shortest = np.argmin(np.einsum("ij,ij->i", rest, rest, dtype=np.float64))
        basis.insert(rest[shortest])
        rest = _different_rows(basis.remainders(rest))
    return basis.vectors[: basis.size]


def integer_coordinates(matrix: Int64Array, basis: Int64Array) -> Int64Array:
    """Return integers C with ``C @ basis == matrix``, int64 `(rows, r)`.

    Args:
        matrix: Vectors of the basis' lattice, `(rows, n)`.
        basis: A reduced basis, `(r, n)`.

    Raises:
        ArithmeticError: A vector is not in the lattice, or beyond the precision of floats.

    Examples:
        >>> integer_coordinates(np.array([[4, 6]]), np.array([[2, 0], [0, 3]])).tolist()
        [[2, 2]]
    """
    inverse = np.linalg.pinv(basis.astype(np.float64))
    coordinates = np.zeros((len(matrix), len(basis)), np.int64)
    rest = matrix
    # A second round mends what rounding errors spoilt in the first.
    for _ in range(_MOST_ROUNDS):
        step = np.rint(rest @ inverse).astype(np.int64)
        if not step.any():
            break
        coordinates += step
        rest = rest - step @ basis
    if rest.any():
        raise ArithmeticError("no integer coordinates: the vectors are not in the basis' lattice")
    return coordinates


class _Basis:
    """An LLL-reduced basis into which vectors are inserted.

    Lengths and angles are those of images in as few dimensions as the vectors span.
    """

    def __init__(self, matrix: Int64Array) -> None:
        _, sizes, directions = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
        noise = max(matrix.shape) * np.finfo(np.float64).eps * sizes[0]
        rank = int(np.count_nonzero(sizes > noise))
        self._to_image = directions[:rank].T
        self.size = 0
        self.vectors = np.zeros((rank + 1, matrix.shape[1]), np.int64)
        # Row k of the triangle: coordinates of vector k along the orthogonal directions.
        self._triangle = np.zeros((rank + 1, rank + 1))
        self._directions = np.zeros((rank + 1, rank))

    def insert(self, vector: Int64Array) -> None:
        """Take a vector into the lattice and reduce the basis."""
        k = self.size
        self.vectors[k] = vector
        self.size += 1
        steps = 0
        while k < self.size:
            steps += 1
            if steps > _MOST_STEPS:
                raise ArithmeticError("the vectors' reduction is beyond the precision of floats")
            length = self._reduce(k)
            if not self.vectors[k].any():
                self._remove(k)
                continue
            if k and self._shorter(k, length):
                self.vectors[[k - 1, k]] = self.vectors[[k, k - 1]]
                k -= 1
            else:
                k += 1
        if self.size == len(self.vectors):
            raise ArithmeticError("the rank of the matrix is beyond the precision of floats")

    def remainders(self, vectors: Int64Array) -> Int64Array:
        """Return vectors of the span minus the basis' nearest combinations, about."""
        basis = self.vectors[: self.size]
        rows = basis.astype(np.float64)
        # The pseudo-inverse of independent rows; a reduced basis is far from dependent.
        inverse = np.linalg.solve(rows @ rows.T, rows).T
        for _ in range(_MOST_ROUNDS):
            multiples = np.rint(vectors @ inverse).astype(np.int64)
            if not multiples.any():
                break
            vectors = vectors - multiples @ basis
        return vectors

    def _reduce(self, k: int) -> float:
        """Subtract from vector k multiples of those before; return its orthogonal part's length."""
        before, triangle = self._directions[:k], self._triangle
        while True:
            image = self.vectors[k] @ self._to_image
            along = before @ image
            rest = image - along @ before
            correction = before @ rest  # a second projection, since the first one cancels
            rest -= correction @ before
            along += correction
            greatest = self._subtract_multiples(k, along)
            if greatest < _ACCURATE_MULTIPLE:
                break
        length = float(np.sqrt(rest @ rest))
        if length < _NEGLIGIBLE * max(1.0, float(np.abs(along).max(initial=0))):
            length = 0.0
        triangle[k, :k], triangle[k, k] = along, length
        self._directions[k] = rest / length if length else 0.0
        return length

    def _subtract_multiples(self, k: int, along: FloatArray) -> float:
        """Bring all of ``along`` within half a length; return the greatest multiple taken."""
        halves = np.diag(self._triangle)[:k] / 2
        multiples = np.zeros(k)
        end = k
        while True:
            far = (np.abs(along[:end]) > halves[:end]).nonzero()[0]
            if not len(far):
                break
            end = far[-1]
            multiples[end] = round(along[end] / (2 * halves[end]))
            along[: end + 1] -= multiples[end] * self._triangle[end, : end + 1]
        if end < k:
            self.vectors[k] -= multiples[end:].astype(np.int64) @ self.vectors[end:k]
        return float(np.abs(multiples).max(initial=0))

    def _shorter(self, k: int, length: float) -> bool:
        """Return whether vector k must come before its predecessor (Lovász' condition fails)."""
        along, predecessor = self._triangle[k, k - 1], self._triangle[k - 1, k - 1]
        return bool(length**2 + along**2 < _LOVASZ * predecessor**2)

    def _remove(self, k: int) -> None:
        self.vectors[k : self.size - 1] = self.vectors[k + 1 : self.size]
        self.size -= 1


def _different_rows(matrix: Int64Array) -> Int64Array:
    """Return every row but zero once, in a fixed order."""
    rows = np.unique(matrix, axis=0)
    return rows[rows.any(axis=1)]
