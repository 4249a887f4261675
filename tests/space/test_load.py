"""The page under several clients at once with good, oversized, broken and hostile requests, each answer known."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest


@pytest.fixture
def load():
    return pytest.importorskip("scripts.benchmark.load", reason="it needs Linux")


def test_each_request_is_answered_as_it_should_be(load, page_url: str) -> None:
    cases = [case for case in load.make_cases() if case.name != "12 MP JPEG"]
    outcomes = asyncio.run(load.send_wave(page_url.rstrip("/"), cases, clients=6, requests=-(-len(cases) // 6), seed=0))
    assert all(outcome.seconds for outcome in outcomes.values())
    assert not {name: outcome.errors for name, outcome in outcomes.items() if outcome.errors}


def test_a_wrong_answer_is_an_error(load, page_url: str) -> None:
    """The clients can tell: each case asks for what it does not get."""
    by_name = {case.name: case for case in load.make_cases()}
    wrong = [
        dataclasses.replace(by_name["small PNG"], size=(1, 1)),
        dataclasses.replace(by_name["empty"], expected="picture", size=(1, 1)),
        dataclasses.replace(by_name["JPEG called PNG"], expected="sentence"),
        dataclasses.replace(by_name["fetch /etc/passwd"], endpoint="/config"),
    ]
    outcomes = asyncio.run(load.send_wave(page_url.rstrip("/"), wrong, clients=4, requests=1, seed=0))
    assert all(len(outcome.errors) == 1 for outcome in outcomes.values())


def test_tracebacks_are_counted_by_what_they_say(load) -> None:
    """Two of one kind are one line, whatever the numbers in them; chained ones count each."""
    error = "Traceback (most recent call last):\n  File 'a.py', line {0}, in f\n    g()\nValueError: {0} is not 13\n"
    other = "Traceback (most recent call last):\n  File 'b.py', line 1\n    h()\nKeyError: 'x'\nINFO goes on\n"
    log = "INFO started\n" + error.format(7) + error.format(12) + other
    found = load.ends_of_tracebacks(log)
    assert found == {"ValueError: 0 is not 0": 2, "KeyError: 'x'": 1}
