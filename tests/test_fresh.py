"""Fresh processes of tests: they find what a start of an interpreter finds, and nothing of them stays behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from . import fresh


@pytest.mark.parametrize("path", [None, "/somewhere/else"])
def test_a_program_imports_from_where_a_start_of_it_would(tmp_path, path):
    code = "import sys; print(sys.path, sys.argv, __name__)"
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env |= {} if path is None else {"PYTHONPATH": path}
    real = subprocess.run([sys.executable, "-c", code, "a"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert fresh.run_fresh(["-c", code, "a"], tmp_path, env).stdout == real.stdout


def test_a_program_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    mark = tmp_path / "mark"
    code = f"import pathlib, time\nwhile True: pathlib.Path({str(mark)!r}).touch(); time.sleep(0.01)"

    class Late(Exception):
        pass

    class Answers:
        def readline(self):
            deadline = time.monotonic() + 60
            while not mark.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            raise Late

    fresh.run_fresh(["-c", ""], tmp_path)
    server = fresh._server(os.getpid())
    monkeypatch.setattr(server, "stdout", Answers())
    with pytest.raises(Late):
        fresh.run_fresh(["-c", code], tmp_path)
    server.wait(10)
    mark.unlink(missing_ok=True)
    time.sleep(0.2)
    assert not mark.exists()
    assert fresh.run_fresh(["-c", "print(1)"], tmp_path).stdout == "1\n"
