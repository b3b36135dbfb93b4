"""Pattern-defeating quicksort (Orson Peters, arXiv:2106.05123), with the choices of Go's ``sort`` package.

It is not stable, but it is deterministic: where equal elements end up depends on pivots, thresholds and a
random number generator seeded with the length. All of these are Go's here, so equal elements end up where Go
has them.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

SHORT: Final = 12
"""Up to this length it is an insertion sort, which is stable."""
_PIVOT_FROM_THREE: Final = 8
_PIVOT_FROM_NINE: Final = 50
_MOST_EXCHANGES: Final = 12
_MOST_SHIFTS: Final = 5
_SHORTEST_SHIFTED: Final = 50
_BALANCE: Final = 8
_MASK: Final = 0xFFFFFFFFFFFFFFFF


class _Hint(Enum):
    RISING = auto()
    FALLING = auto()
    UNKNOWN = auto()


class Quicksort:
    """Sorts a list in place."""

    def __init__(self, items: list[int], before: Callable[[int, int], bool]) -> None:
        """``before(a, b)`` tells whether ``a`` must stand before ``b``."""
        self._items = items
        self._before = before

    def sort(self) -> None:
        """Sorts. Raises whatever ``before`` raises."""
        self._sort(0, len(self._items), len(self._items).bit_length())

    def _less(self, i: int, j: int) -> bool:
        return self._before(self._items[i], self._items[j])

    def _swap(self, i: int, j: int) -> None:
        items = self._items
        items[i], items[j] = items[j], items[i]

    def _sort(self, start: int, end: int, unbalanced_allowed: int) -> None:
        balanced = partitioned = True
        while end - start > SHORT:
            length = end - start
            if unbalanced_allowed == 0:
                self._heap_sort(start, end)
                return
            if not balanced:
                self._scatter(start, end)
                unbalanced_allowed -= 1
            pivot, hint = self._pivot(start, end)
            if hint is _Hint.FALLING:
                self._items[start:end] = self._items[start:end][::-1]
                pivot = end - 1 - (pivot - start)
                hint = _Hint.RISING
            if balanced and partitioned and hint is _Hint.RISING and self._nearly_sorted(start, end):
                return
            if start > 0 and not self._less(start - 1, pivot):
                # Nothing here is less than the pivot: all its equals go to the front, and are done.
                start = self._partition_equal(start, end, pivot)
                continue
            middle, partitioned = self._partition(start, end, pivot)
            left, right = middle - start, end - middle
            balanced = min(left, right) >= length // _BALANCE
            if left < right:
                self._sort(start, middle, unbalanced_allowed)
                start = middle + 1
            else:
                self._sort(middle + 1, end, unbalanced_allowed)
                end = middle
        self._insertion_sort(start, end)

    def _insertion_sort(self, start: int, end: int) -> None:
        for i in range(start + 1, end):
            self._shift_left(i, start)

    def _shift_left(self, position: int, start: int) -> None:
        while position > start and self._less(position, position - 1):
            self._swap(position, position - 1)
            position -= 1

    def _heap_sort(self, start: int, end: int) -> None:
        size = end - start
        for root in range((size - 1) // 2, -1, -1):
            self._sift_down(root, size, start)
        for last in range(size - 1, -1, -1):
            self._swap(start, start + last)
            self._sift_down(0, last, start)

    def _sift_down(self, root: int, size: int, offset: int) -> None:
        while (child := 2 * root + 1) < size:
            if child + 1 < size and self._less(offset + child, offset + child + 1):
                child += 1
            if not self._less(offset + root, offset + child):
                return
            self._swap(offset + root, offset + child)
            root = child

    def _scatter(self, start: int, end: int) -> None:
        """Breaks a pattern that made the last partition unbalanced."""
        length = end - start
        state = length
        middle = start + length // 4 * 2
        for position in range(middle - 1, middle + 2):
            state ^= state << 13 & _MASK
            state ^= state >> 7
            state ^= state << 17 & _MASK
            other = state & ((1 << length.bit_length()) - 1)
            self._swap(position, start + (other - length if other >= length else other))

    def _pivot(self, start: int, end: int) -> tuple[int, _Hint]:
        length = end - start
        candidates = [start + length // 4 * quarter for quarter in (1, 2, 3)]
        exchanges = 0
        if length >= _PIVOT_FROM_NINE:
            for position, candidate in enumerate(candidates):
                candidates[position], more = self._median(candidate - 1, candidate, candidate + 1)
                exchanges += more
        pivot = candidates[1]
        if length >= _PIVOT_FROM_THREE:
            pivot, more = self._median(*candidates)
            exchanges += more
        if exchanges == 0:
            return pivot, _Hint.RISING
        return pivot, _Hint.FALLING if exchanges == _MOST_EXCHANGES else _Hint.UNKNOWN

    def _median(self, a: int, b: int, c: int) -> tuple[int, int]:
        """The position of the median, and how many of three comparisons found the wrong order."""
        exchanges = 0
        if self._less(b, a):
            a, b = b, a
            exchanges += 1
        if self._less(c, b):
            b, c = c, b
            exchanges += 1
        if self._less(b, a):
            a, b = b, a
            exchanges += 1
        return b, exchanges

    def _nearly_sorted(self, start: int, end: int) -> bool:
        """Tries with a few shifts; true if that was enough."""
        i = start + 1
        for _ in range(_MOST_SHIFTS):
            while i < end and not self._less(i, i - 1):
                i += 1
            if i == end:
                return True
            if end - start < _SHORTEST_SHIFTED:
                return False
            self._swap(i, i - 1)
            if i - start > 1:
                self._shift_left(i - 1, 0)
            self._shift_right(i, end)
        return False

    def _shift_right(self, position: int, end: int) -> None:
        while position + 1 < end and self._less(position + 1, position):
            self._swap(position + 1, position)
            position += 1

    def _partition(self, start: int, end: int, pivot: int) -> tuple[int, bool]:
        """Puts what is less than the pivot before it. Gives the pivot's place, and if all was so before."""
        self._swap(start, pivot)
        i, j = self._close_in(start, start + 1, end - 1)
        untouched = i > j
        while i <= j:
            self._swap(i, j)
            i, j = self._close_in(start, i + 1, j - 1)
        self._swap(j, start)
        return j, untouched

    def _close_in(self, pivot: int, i: int, j: int) -> tuple[int, int]:
        while i <= j and self._less(i, pivot):
            i += 1
        while i <= j and not self._less(j, pivot):
            j -= 1
        return i, j

    def _partition_equal(self, start: int, end: int, pivot: int) -> int:
        """Puts the pivot's equals to the front. Where they end."""
        self._swap(start, pivot)
        i, j = start + 1, end - 1
        while True:
            while i <= j and not self._less(start, i):
                i += 1
            while i <= j and self._less(start, j):
                j -= 1
            if i > j:
                return i
            self._swap(i, j)
            i += 1
            j -= 1
