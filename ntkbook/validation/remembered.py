"""What is known of a function is kept as long as the function, and of few of them."""

import threading
import weakref
from collections import OrderedDict
from types import MethodType
from typing import Any


class Remembered:
    """Values by function and kind of call, the last ones used.

    It keeps no function alive, and so nothing that one closes over. Threads share it.
    """

    def __init__(self, most: int = 256):
        """Start with nothing; beyond ``most`` values the oldest goes."""
        self._most = most
        self._kept: OrderedDict = OrderedDict()
        self._lock = threading.Lock()

    def get(self, function, kind) -> Any:
        """Return the value for a function and a kind of call, or ``None``."""
        owner, key = _owner(function, kind)
        with self._lock:
            reference, value = self._kept.get(key, (None, None))
            if reference is None or reference() is not owner:
                return None  # also where another object had this one's number
            self._kept.move_to_end(key)
            return value

    def put(self, function, kind, value) -> None:
        """Keep a value, unless the function takes no weak references."""
        owner, key = _owner(function, kind)
        try:
            reference = weakref.ref(owner)
        except TypeError:
            return
        with self._lock:
            self._kept[key] = reference, value
            self._kept.move_to_end(key)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)


def _owner(function, kind):
    """Return what a function lives as long as; a method is made anew at each look."""
    if isinstance(function, MethodType):
        return function.__self__, (id(function.__self__), function.__func__, kind)
    return function, (id(function), None, kind)
