"""Values that eager calls find once."""

from collections.abc import Callable
from ctypes import c_char
from functools import lru_cache, wraps
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from torchapprox.operators.cuda_arrays import on_cuda

_MOST_KNOWN = 1024
Owner = TypeVar("Owner")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def writes(tensor: Tensor) -> int | None:
    """Return how often a tensor was written in place; None where it does not count.

    What was found of a tensor holds while it is the same one and this number stays. A tensor made
    in inference mode does not count, nor one that shares its memory with an array, which NumPy may
    write to; and writing to ``tensor.data`` is not counted.

    Examples:
        >>> tensor = torch.zeros(2)
        >>> before = writes(tensor)
        >>> writes(tensor.fill_(1)) == before
        False
        >>> array = tensor.numpy()
        >>> writes(tensor)
    """
    if tensor.is_inference():
        return None
    # PyTorch does not resize memory that it shares; Dynamo cannot ask.
    asked = not torch.compiler.is_compiling() and not on_cuda(tensor)
    if asked and not tensor.untyped_storage().resizable():
        return None
    return tensor._version  # noqa: SLF001


class Content(NamedTuple):
    """A small tensor's memory on the CPU, as the tensor stood there, and what it held.

    Notices every write, whoever wrote and however. The memory is read where it lies: PyTorch does
    not resize a tensor any more of which NumPy has a view, and observers resize theirs.

    Attributes:
        owner: Keeps the memory, so that its address is not given to another tensor.
        place: Address of the first element.
        shape: Shape of the tensor.
        memory: The bytes from the first element to the last; valid while a tensor is there.
        held: What they were.

    Examples:
        >>> tensor = torch.ones(2)
        >>> content = Content.of(tensor)
        >>> content.is_of(tensor), content.is_of(tensor.data.add_(1))
        (True, False)
    """

    owner: Tensor
    place: int
    shape: torch.Size
    memory: Any
    held: bytes

    @classmethod
    def of(cls, tensor: Tensor) -> "Content":
        """Return the content of a tensor."""
        steps = zip(tensor.shape, tensor.stride(), strict=True)
        elements = 1 + sum((size - 1) * step for size, step in steps) if tensor.numel() else 0
        place = tensor.data_ptr()
        memory = (c_char * (elements * tensor.element_size())).from_address(place)
        return cls(tensor.detach(), place, tensor.shape, memory, memory.raw)

    def is_of(self, tensor: Tensor) -> bool:
        """Whether a tensor is where that one was and holds the same."""
        return (
            self.place == tensor.data_ptr()
            and self.shape == tensor.shape
            and self.memory.raw == self.held
        )


def remembered(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Keep what a pure function returned for its last thousand arguments.

    A compiled graph computes it anew while it is traced: Dynamo warns of `functools.lru_cache`.

    Examples:
        >>> make = remembered(lambda number: [number])
        >>> make(1) is make(1)
        True
    """
    cached = lru_cache(maxsize=1024)(function)

    @wraps(function)
    def call(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        if torch.compiler.is_compiling():
            return function(*arguments, **named)
        return cached(*arguments, **named)  # type: ignore[arg-type]

    return call


class FoundOfTensors(Generic[Result]):
    """A function of small tensors on the CPU whose values are kept while these keep theirs.

    What follows from a few scales takes longer to find than many a small product, so that kernels
    which are called with the same tensors again find it once. Whoever writes to them and however,
    their content is compared. The last thousand tuples of tensors are kept; not for graphs, whose
    tensors have no data.

    Args:
        function: Finds the value.

    Examples:
        >>> total = FoundOfTensors(lambda one, other: [float(one.sum() + other.sum())])
        >>> a, b = torch.ones(2), torch.ones(3)
        >>> total(a, b), total(a, b) is total(a, b)
        ([5.0], True)
        >>> total(a.data.add_(1), b)
        [7.0]
    """

    def __init__(self, function: Callable[..., Result]) -> None:
        self._function = function
        self.__doc__ = function.__doc__
        # The tensors are kept, so that their identities are not given to others.
        self._known: dict[tuple[int, ...], tuple[tuple[Tensor, ...], list[Content], Result]] = {}

    def __call__(self, *tensors: Tensor) -> Result:
        """Return what the function returns."""
        key = tuple(map(id, tensors))
        known = self._known.get(key)
        if known is not None and all(map(Content.is_of, known[1], tensors)):
            return known[2]
        value = self._function(*tensors)
        keep(self._known, key, (tensors, list(map(Content.of, tensors)), value), _MOST_KNOWN)
        return value


class LastFound(Generic[Result]):
    """What was found of a tensor on the CPU, until it holds something else.

    It is compared, as `FoundOfTensors` does. One of many elements is not kept, nor one whose
    elements do not follow each other, whose content does not tell in which order they do.

    Args:
        most: Elements of one that is kept, at most.

    Examples:
        >>> last, tensor = LastFound(most=2), torch.ones(2)
        >>> last.of(tensor, torch.sum) is last.of(tensor, torch.sum)
        True
        >>> last.of(tensor.data.add_(1), torch.sum)
        tensor(4.)
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._known: tuple[Content, Result] | None = None

    def of(self, tensor: Tensor, find: Callable[[Tensor], Result]) -> Result:
        """Return what ``find``, the same at each call, finds of a tensor."""
        if tensor.numel() > self._most or not tensor.is_contiguous():
            return find(tensor)
        known = self._known
        if known is not None and known[0].is_of(tensor):
            return known[1]
        found = find(tensor)
        self._known = Content.of(tensor), found
        return found


def keep(known: dict[Any, Any], key: Any, value: Any, most: int) -> None:
    """Keep a value under its key, and forget those that were kept first where there are too many.

    Several threads may do so at once: a list is made of all keys in one step, while an iterator
    fails once another thread adds a key.

    Args:
        known: What is kept.
        key: Replaced if it is there.
        value: What is kept of it.
        most: How many to keep.
    """
    known.pop(key, None)
    for oldest in list(known)[: max(0, len(known) + 1 - most)]:
        known.pop(oldest, None)
    known[key] = value


def found_once(known: dict[Any, Any], key: Any, find: Callable[[], Result], most: int) -> Result:
    """Return what is kept under a key, or find it and `keep` it.

    It is read in one step, since another thread may forget it once it was seen there.

    Args:
        known: What is kept.
        key: Where.
        find: Finds what is not known.
        most: How many to keep.

    Examples:
        >>> known = {}
        >>> found_once(known, "a", lambda: [1], 2) is found_once(known, "a", lambda: [1], 2)
        True
    """
    found = known.get(key, _NOTHING)
    if found is _NOTHING:
        found = find()
        keep(known, key, found, most)
    result: Result = found
    return result


_NOTHING = object()


def found_of(
    known: WeakKeyDictionary[Any, dict[Any, Any]],
    owner: Any,
    key: Any,
    find: Callable[[], Result],
    most: int,
) -> Result:
    """Return what is kept under a key of an object that is still there; see `found_once`.

    Args:
        known: What is kept, by object.
        owner: The object.
        key: As there, as are those that follow.
        find: Likewise.
        most: Likewise, of each object.
    """
    of_owner = known.get(owner)
    if of_owner is None:
        of_owner = known.setdefault(owner, {})
    return found_once(of_owner, key, find, most)


class Derived(Generic[Owner, Result]):
    """A property that an object without slots finds once, as a decorator.

    `functools.cached_property` takes a lock in Python 3.11, which Dynamo does not trace; here a
    compiled graph computes the value anew.

    Examples:
        >>> class Square:
        ...     side = 3
        ...     area = Derived(lambda square: [square.side**2])
        >>> square = Square()
        >>> square.area, square.area is square.area
        ([9], True)
    """

    def __init__(self, function: Callable[[Owner], Result]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type[Owner], name: str) -> None:
        self._name = name

    def __get__(self, instance: Owner, owner: type[Owner] | None = None) -> Result:
        value = self._function(instance)
        if not torch.compiler.is_compiling():
            vars(instance)[self._name] = value
        return value
