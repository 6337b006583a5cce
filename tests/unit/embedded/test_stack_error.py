"""A StackError is one line, whatever it is made of."""

from __future__ import annotations

from services.embedded import StackError


def test_message_and_hint_are_one_line() -> None:
    error = StackError("port 7120\nis in use", "stop  it")
    assert str(error) == "port 7120 is in use: stop it"
    assert error.message == "port 7120 is in use"
    assert error.hint == "stop it"


def test_a_message_alone() -> None:
    assert str(StackError("it failed; see the log")) == "it failed; see the log"
