"""Many clients at once against the page: good, oversized, broken and hostile uploads, on loopback.

Part ``load`` of the benchmark. The page runs in a process of its own with its own temporary folder, and
deletes uploads after a minute and a half instead of two hours, so that it can be seen that they go. What each request
has to be answered with is known: a picture of the right size, a sentence, or a refusal; all else counts as an error.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from .load_cases import Case, make_cases, marked

ROOT = Path(__file__).parents[2]
DELETE_EVERY, DELETE_AFTER = 5, 90  # s; longer than the slowest answer, or uploads go while they wait
_PATIENCE = 240.0  # s for one answer, all others waiting too
_UPLOAD_LIMIT = 100 * 2**20  # bytes, the page's
_SERVER = """
import sys
from space.examples import ExampleShelf
from space.ui import build_page, launch_options
port, model, every, after, examples = sys.argv[1:]
page = build_page(model or None, "cpu", ExampleShelf(int(examples)), deletion=(int(every), int(after)))
page.launch(server_name="127.0.0.1", server_port=int(port), quiet=True, **launch_options())
"""


@dataclass
class Outcome:
    """What came of the requests of one case: seconds of each, and a line for each that went wrong."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class _Client:
    """What one visitor's program does; never raises for an answer that is wrong, but says what was."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def ask(self, case: Case) -> str | None:
        """None if the answer was the expected one, else a line that says what it was."""
        try:
            return await self._ask(case)
        except httpx.HTTPError as error:
            return f"{type(error).__name__} {error}"

    async def _ask(self, case: Case) -> str | None:
        if case.name == "over 100 MB":
            return await self._send_too_much()
        if case.expected == "refused":
            answer = await self.http.get(case.endpoint)
            leaked = b"root:" in answer.content or b"import" in answer.content
            return None if 400 <= answer.status_code < 500 and not leaked else f"status {answer.status_code}"
        arguments = list(case.arguments)
        if case.file is not None:
            answer = await self.http.post("/gradio_api/upload", files={"files": case.file})
            if answer.status_code != 200:
                return f"upload: status {answer.status_code}"
            file = marked(answer.json()[0])
            arguments = [file if a == "FILE" else [file] if a == ("FILE",) else a for a in arguments]
        answer = await self.http.post(f"/gradio_api/call/{case.endpoint}", json={"data": arguments})
        if answer.status_code != 200:
            return None if case.expected == "sentence" and answer.status_code == 422 else f"status {answer.status_code}"
        stream = await self.http.get(f"/gradio_api/call/{case.endpoint}/{answer.json()['event_id']}")
        lines = stream.text.splitlines()
        kind = next((line[7:] for line in reversed(lines) if line.startswith("event: ")), "none")
        data = next((line[6:] for line in reversed(lines) if line.startswith("data: ")), "")
        return await self._judge(case, kind, data)

    async def _judge(self, case: Case, kind: str, data: str) -> str | None:
        if case.expected == "sentence":
            if kind != "error":
                return f"answered with {kind} instead of a sentence"
            bad = "Traceback" in data or "Something went wrong" in data or len(data) < 20 or "root:" in data
            return f"not a sentence: {data[:120]}" if bad else None
        if kind != "complete":
            return f"{kind}: {data[:120]}"
        found = json.loads(data)[0]
        if case.expected == "json":
            return None if found.get("figures") else "no figures"
        content = (await self.http.get(f"/gradio_api/file={found['path']}")).content
        if case.expected == "zip":
            names = zipfile.ZipFile(io.BytesIO(content)).namelist()
            return None if "failures.csv" in names and not any(".." in n or n[0] == "/" for n in names) else str(names)
        size = Image.open(io.BytesIO(content)).size
        return None if size == case.size else f"a picture of {size}"

    async def _send_too_much(self) -> str | None:
        boundary = "limit"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="huge.jpg"\r\n\r\n'

        async def body():
            yield head.encode()
            for _ in range(_UPLOAD_LIMIT // 2**20 + 2):
                yield bytes(2**20)
            yield f"\r\n--{boundary}--\r\n".encode()

        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        try:
            answer = await self.http.post("/gradio_api/upload", content=body(), headers=headers)
        except httpx.WriteError:  # the server hung up in the middle: refused as well
            return None
        return None if 400 <= answer.status_code < 500 else f"status {answer.status_code}"


async def send_wave(url: str, cases: list[Case], clients: int, requests: int, seed: int) -> dict[str, Outcome]:
    """All clients at once, each with ``requests`` requests one after the other."""
    outcomes = {case.name: Outcome() for case in cases}
    chance = random.Random(seed)
    deck = [case for case in cases for _ in range(case.weight)]
    total = clients * requests
    asked = (cases + [chance.choice(deck) for _ in range(total)])[:total]  # each at least once
    chance.shuffle(asked)

    async def visit(own: list[Case]) -> None:
        limits = httpx.Limits(max_connections=4)
        async with httpx.AsyncClient(base_url=url, timeout=_PATIENCE, limits=limits) as http:
            client = _Client(http)
            for case in own:
                started = time.monotonic()
                error = await client.ask(case)
                outcomes[case.name].seconds.append(time.monotonic() - started)
                if error:
                    outcomes[case.name].errors.append(error)

    await asyncio.gather(*(visit(asked[number::clients]) for number in range(clients)))
    return outcomes


class Server:
    """The page in a process of its own, and what it takes."""

    def __init__(
        self,
        model: str | None,
        folder: Path,
        deletion: tuple[int, int] = (DELETE_EVERY, DELETE_AFTER),
        examples: int = 1,
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url, self.folder, self.log = f"http://127.0.0.1:{port}", folder / "gradio", folder / "log.txt"
        temporary = folder / "tmp"
        temporary.mkdir()
        environment = {**os.environ, "GRADIO_TEMP_DIR": str(self.folder), "TMPDIR": str(temporary)}
        command = [sys.executable, "-c", _SERVER, str(port), model or "", *map(str, (*deletion, examples))]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        self.peak, self._stop = 0, threading.Event()

    def wait(self) -> None:
        for _ in range(600):
            if self.process.poll() is not None:
                break
            try:
                httpx.get(f"{self.url}/config", timeout=30)
                threading.Thread(target=self._watch, daemon=True).start()
                return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise SystemExit(f"The page did not start:\n{self.log.read_text()[-2000:]}")

    def memory(self) -> int:
        """Resident bytes."""
        try:
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0
        return pages * resource.getpagesize()

    def names(self) -> list[str]:
        """Temporary files, by the names of their folder and themselves."""
        return [
            "/".join(path.relative_to(self.folder.parent).parts[-2:])
            for path in self.folder.parent.rglob("*")
            if path.is_file() and path != self.log
        ]

    def files(self) -> tuple[int, int]:
        """Temporary files: how many, and their bytes."""
        sizes = []
        for path in self.folder.parent.rglob("*"):
            try:
                if path.is_file() and path != self.log:
                    sizes.append(path.stat().st_size)
            except OSError:
                continue
        return len(sizes), sum(sizes)

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self.peak = max(self.peak, self.memory())

    def stop(self) -> None:
        self._stop.set()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def benchmark_load(
    model: str | None = None, clients: int = 50, requests: int = 3, waves: int = 2, say: Callable[[str], None] = print
) -> dict:
    """Run the waves and print a report.

    Args:
        model: another model than the embedded one.
        clients: at once.
        requests: of each client in a wave.
        waves: the memory after the last is compared with that after the first: what each wave adds is a leak.
        say: where the report goes.

    Returns:
        ``errors`` (number), ``p95`` (seconds, of all requests), ``memory`` and ``files`` at each stage.
    """
    if not Path("/proc/self/statm").exists():
        raise SystemExit("Part load reads /proc, which only Linux has.")
    cases = make_cases()
    with tempfile.TemporaryDirectory(prefix="landscape-load-") as name:
        server = Server(model, Path(name))
        try:
            server.wait()
            asyncio.run(send_wave(server.url, cases, 2, len(cases), 0))  # all that is made once is made
            time.sleep(DELETE_AFTER + 2 * DELETE_EVERY)
            stages, known = [("before", server.memory(), *server.files())], set(server.names())
            outcomes = {case.name: Outcome() for case in cases}
            server.peak, most = 0, (0, 0)
            for wave in range(1, waves + 1):
                for key, outcome in asyncio.run(send_wave(server.url, cases, clients, requests, wave)).items():
                    outcomes[key].seconds += outcome.seconds
                    outcomes[key].errors += outcome.errors
                most = max(most, server.files())
                time.sleep(DELETE_AFTER + 2 * DELETE_EVERY)
                stages.append((f"after wave {wave}", server.memory(), *server.files()))
            left = sorted(set(server.names()) - known)
            alive = server.process.poll() is None
            tracebacks = ends_of_tracebacks(server.log.read_text(errors="replace"))
        finally:
            server.stop()
    return _report(outcomes, stages, server.peak, most, alive, tracebacks, left, clients, say)


def ends_of_tracebacks(log: str) -> Counter[str]:
    """Count the errors that a server wrote to its log by the line that says what they are; numbers in it become 0."""
    found: Counter[str] = Counter()
    for part in log.split("Traceback (most recent call last):")[1:]:
        end = next((line for line in part.splitlines()[1:] if line and not line.startswith((" ", "+", "|"))), "cut off")
        found[re.sub(r"/\S+", "/...", re.sub(r"\d+", "0", end))[:160]] += 1
    return found


def _report(outcomes, stages, peak, most, alive, tracebacks, left, clients, say) -> dict:
    every = [second for outcome in outcomes.values() for second in outcome.seconds]
    errors = sum(len(outcome.errors) for outcome in outcomes.values())
    say(f"\n{clients} clients at once, {len(every)} requests\n")
    say("| request | n | median, s | p95, s | wrong answers |\n|---|---|---|---|---|")
    for name, outcome in outcomes.items():
        if outcome.seconds:
            middle, high = statistics.median(outcome.seconds), np.quantile(outcome.seconds, 0.95)
            say(f"| {name} | {len(outcome.seconds)} | {middle:.2f} | {high:.2f} | {len(outcome.errors)} |")
    say(f"| all | {len(every)} | {statistics.median(every):.2f} | {np.quantile(every, 0.95):.2f} | {errors} |")
    for name, outcome in outcomes.items():
        for line in dict.fromkeys(outcome.errors):
            say(f"- {name}: {line}")
    say("\n| | memory, MB | temporary files | their MB |\n|---|---|---|---|")
    say(f"| {stages[0][0]} | {stages[0][1] / 1e6:.0f} | {stages[0][2]} | {stages[0][3] / 1e6:.1f} |")
    say(f"| at most | {peak / 1e6:.0f} | {most[0]} | {most[1] / 1e6:.1f} |")
    for stage, memory, count, size in stages[1:]:
        say(f"| {stage} | {memory / 1e6:.0f} | {count} | {size / 1e6:.1f} |")
    if left:
        say(f"Left behind: {', '.join(left[:20])}")
    say(f"\nThe server {'runs' if alive else 'is gone'}; tracebacks in its log: {tracebacks.total()}.")
    for line, count in tracebacks.most_common():
        say(f"- {count} x {line}")
    return {
        "errors": errors + (not alive),
        "p95": float(np.quantile(every, 0.95)),
        "memory": [stage[1] for stage in stages],
        "files": [stage[2] for stage in stages],
    }
