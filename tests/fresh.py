"""Programs in processes of their own, without the three seconds in which each would import PyTorch.

They are forked from one process that has imported what programs here take longest to import, nothing of this project
and nothing that reads its settings from the environment at once. So a program finds its own environment, arguments,
folder and output, and loads the project, transformers and the client of the Hub anew.
"""

from __future__ import annotations

import functools
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

_lock = Lock()


def run_fresh(
    arguments: Sequence[object], cwd: Path, env: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess:
    """As ``subprocess.run([sys.executable, *arguments], ...)`` with captured text; -c, -m or a file."""
    words = list(map(str, arguments))
    with _lock, tempfile.TemporaryDirectory() as folder:
        printed = [f"{folder}/out", f"{folder}/err"]
        server = _server(os.getpid())
        try:
            server.stdin.write(json.dumps([words, str(cwd), dict(env), printed]) + "\n")
            server.stdin.flush()
            code = int(server.stdout.readline())
        except BaseException:  # such as a test that has taken too long: the next one gets another
            os.killpg(server.pid, signal.SIGKILL)  # the program, too
            _server.cache_clear()
            raise
        texts = [Path(path).read_text(errors="replace") for path in printed]
    return subprocess.CompletedProcess(words, code, *texts)


@functools.cache
def _server(process: int) -> subprocess.Popen:
    others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # each program has its own
    return subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=others, start_new_session=True,
    )  # fmt: skip


def _serve() -> list | None:
    """Fork a child for each line of the input, which returns from here, and answer with its exit status."""
    import pandas  # noqa: F401
    import torch  # noqa: F401
    import torchvision  # noqa: F401
    import yaml  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if not child:
            return json.loads(line)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def _become(words: list[str], cwd: str, env: dict[str, str], printed: list[str]) -> None:
    for number, path in enumerate([os.devnull, *printed]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    kind, *rest = words
    module = kind in ("-c", "-m")
    sys.argv = [kind, *rest[1:]] if module else words
    sys.path[0] = "" if module else str(Path(kind).parent)
    sys.path[1:1] = filter(None, env.get("PYTHONPATH", "").split(os.pathsep))
    if kind == "-c":
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    elif kind == "-m":
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__" and (request := _serve()):
    _become(*request)
