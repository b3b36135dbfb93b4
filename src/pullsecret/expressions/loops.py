"""Code of the builtins that go through an array with a predicate."""

from collections.abc import Callable, Iterator
from typing import Final

import attrs

from pullsecret.expressions import types
from pullsecret.expressions.code import Code, Place
from pullsecret.expressions.frame import Frame, Scope
from pullsecret.expressions.operators import add
from pullsecret.expressions.sorting import sorted_by
from pullsecret.expressions.values import AnyMap, RuntimeFault, Value, type_name


@attrs.frozen
class Loop:
    """What such a call is made of."""

    array: Code
    predicate: Code | None
    third: Code | None
    """The third argument."""
    mapped: Code | None
    """What is taken in place of the element."""
    throws: bool
    """Nothing found is an error."""
    threshold: int | None
    """How many are enough to count."""
    place: Place

    def enter(self, frame: Frame) -> Scope:
        """Raises EvaluationError if what is given is no array."""
        array = self.array(frame)
        try:
            return frame.enter(array)
        except RuntimeFault as fault:
            raise self.place.error(fault) from None

    def value(self, frame: Frame, scope: Scope) -> Value:
        """What the predicate gives for the current element; without one, the element."""
        return self.predicate(frame) if self.predicate else self.element(scope)

    def holds(self, frame: Frame, scope: Scope) -> bool:
        """The predicate, which must give a bool."""
        value = self.value(frame, scope)
        if value is True or value is False:
            return bool(value)
        raise self.place.error(RuntimeFault(f"the predicate must give a bool, not {type_name(value)}"))

    def element(self, scope: Scope) -> Value:
        """The current element."""
        try:
            return scope.items[scope.index]
        except RuntimeFault as fault:
            raise self.place.error(fault) from None
        except IndexError:
            raise self.place.error(RuntimeFault("index out of range")) from None

    def taken(self, frame: Frame, scope: Scope) -> Value:
        """The current element, or what is taken in its place."""
        return self.mapped(frame) if self.mapped else self.element(scope)


def _turns(scope: Scope) -> Iterator[int]:
    for index in range(scope.index, len(scope.items)):
        scope.index = index
        yield index


def _backwards(scope: Scope) -> Iterator[int]:
    for index in range(len(scope.items) - 1, -1, -1):
        scope.index = index
        yield index


def _quantifier(stops_at: bool, result: bool) -> Callable[[Loop], Code]:
    """Ends with ``result`` as soon as the predicate gives ``stops_at``; else with the opposite."""

    def make(loop: Loop) -> Code:
        def run(frame: Frame) -> Value:
            scope = loop.enter(frame)
            for index in _turns(scope):
                if loop.holds(frame, scope) is stops_at:
                    frame.leave(scope, index + 1)
                    return result
            frame.leave(scope, len(scope.items))
            return not result

        return run

    return make


def _one(loop: Loop) -> Code:
    counted = _count(loop)
    return lambda frame: counted(frame) == 1


def _count(loop: Loop) -> Code:
    def run(frame: Frame) -> Value:
        scope = loop.enter(frame)
        found = 0
        turns = len(scope.items)
        for index in _turns(scope):
            if loop.holds(frame, scope):
                found += 1
                if found == loop.threshold:
                    turns = index + 1
                    break
        frame.leave(scope, turns)
        return found

    return run


def _filter(loop: Loop) -> Code:
    def run(frame: Frame) -> Value:
        scope = loop.enter(frame)
        made = [loop.taken(frame, scope) for _ in _turns(scope) if loop.holds(frame, scope)]
        frame.leave(scope, len(scope.items))
        loop.place.pay(frame, len(made))
        return made

    return run


def _map(loop: Loop) -> Code:
    def run(frame: Frame) -> Value:
        scope = loop.enter(frame)
        made = [loop.value(frame, scope) for _ in _turns(scope)]
        frame.leave(scope, len(scope.items))
        loop.place.pay(frame, len(made))
        return made

    return run


def _sum(loop: Loop) -> Code:
    def run(frame: Frame) -> Value:
        scope = loop.enter(frame)
        scope.acc = 0
        for _ in _turns(scope):
            value = loop.value(frame, scope)
            try:
                scope.acc = add(value, scope.acc)
            except RuntimeFault as fault:
                raise loop.place.error(fault) from None
        frame.leave(scope, len(scope.items))
        return scope.acc

    return run


def _find(
    order: Callable[[Scope], Iterator[int]], result: Callable[[Loop, Frame, Scope], Value]
) -> Callable[[Loop], Code]:
    def make(loop: Loop) -> Code:
        def run(frame: Frame) -> Value:
            scope = loop.enter(frame)
            for turn, _ in enumerate(order(scope), 1):
                if loop.holds(frame, scope):
                    found = result(loop, frame, scope)
                    frame.leave(scope, turn)
                    return found
            frame.leave(scope, len(scope.items))
            if loop.throws:
                raise loop.place.error(RuntimeFault("index out of range"))
            return None

        return run

    return make


def _group_by(loop: Loop) -> Code:
    def run(frame: Frame) -> Value:
        scope = loop.enter(frame)
        groups = AnyMap(types.GROUPS)
        for _ in _turns(scope):
            key = loop.value(frame, scope)
            try:
                found = groups.get(key)
                if found is None:
                    groups.set(key, [loop.element(scope)])
                else:
                    found[1].append(loop.element(scope))
            except RuntimeFault as fault:
                raise loop.place.error(fault) from None
        frame.leave(scope, len(scope.items))
        return groups

    return run


def _sort_by(loop: Loop) -> Code:
    def run(frame: Frame) -> Value:
        scope = loop.enter(frame)
        order = loop.third(frame) if loop.third else "asc"
        if type(order) is not str or order not in ("asc", "desc"):
            raise loop.place.error(RuntimeFault('the order must be "asc" or "desc"'))
        keys: list[Value] = []
        items: list[Value] = []
        for _ in _turns(scope):
            keys.append(loop.value(frame, scope))
            items.append(loop.element(scope))
        frame.leave(scope, len(scope.items))
        loop.place.pay(frame, len(scope.items))
        try:
            return sorted_by(items, keys, order == "desc", frame)
        except RuntimeFault as fault:
            raise loop.place.error(fault) from None

    return run


def _reduce(loop: Loop) -> Code:
    def run(frame: Frame) -> Value:
        scope = loop.enter(frame)
        if loop.third:
            scope.acc = loop.third(frame)
        elif len(scope.items) == 0:
            raise loop.place.error(RuntimeFault("reduce of an empty array needs an initial value"))
        else:
            scope.acc = loop.element(scope)
            scope.index = 1
        for _ in _turns(scope):
            scope.acc = loop.value(frame, scope)
        frame.leave(scope, len(scope.items))
        return scope.acc

    return run


def _taken(loop: Loop, frame: Frame, scope: Scope) -> Value:
    return loop.taken(frame, scope)


def _index(loop: Loop, frame: Frame, scope: Scope) -> Value:
    return scope.index


LOOPS: Final[dict[str, Callable[[Loop], Code]]] = {
    "all": _quantifier(stops_at=False, result=False),
    "any": _quantifier(stops_at=True, result=True),
    "none": _quantifier(stops_at=True, result=False),
    "one": _one,
    "count": _count,
    "filter": _filter,
    "map": _map,
    "sum": _sum,
    "find": _find(_turns, _taken),
    "findIndex": _find(_turns, _index),
    "findLast": _find(_backwards, _taken),
    "findLastIndex": _find(_backwards, _index),
    "groupBy": _group_by,
    "sortBy": _sort_by,
    "reduce": _reduce,
}
