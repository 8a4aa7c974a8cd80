"""Weights are shared while somebody holds them, and freed afterwards."""

import gc
from weakref import ref

import pytest

from vivavoce.app.shared_weights import shared

pytestmark = pytest.mark.unit


class Weights:
    def __init__(self, *arguments):
        self.arguments = arguments


def test_who_asks_for_the_same_gets_the_same():
    one, two = shared(Weights, "a", 2), shared(Weights, "a", 2)
    assert one is two
    assert one.arguments == ("a", 2)
    assert shared(Weights, "b", 2) is not one
    assert shared(Weights, "a", 2, of="another loop") is not one


def test_what_nobody_holds_is_freed():
    held = shared(Weights, "c")
    seen = ref(held)
    del held
    gc.collect()
    assert seen() is None
