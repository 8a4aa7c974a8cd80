"""Weights that the agents of a process share: loaded once, and freed when no agent holds them any more."""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")
_held: WeakValueDictionary[tuple[Hashable, ...], Any] = WeakValueDictionary()
_looking = Lock()


def shared(make: Callable[..., T], *arguments: Hashable, of: Hashable = None) -> T:
    """What ``make(*arguments)`` gives, or gave somebody who still holds it. of: kept apart from what others share."""
    key = (make, arguments, of)
    with _looking:
        held = _held.get(key)
        if held is None:
            held = _held[key] = make(*arguments)
        return held
