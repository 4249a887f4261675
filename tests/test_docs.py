"""Commands in the README and in docs/ are true: programs and options exist, and those of the README run as pasted."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from .conftest import ROOT, draw_landscape
from .data.landscapes import landscape as draw_scene
from .fresh import run_fresh

pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules after import:RuntimeWarning")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# What needs a network, a browser, an account or an installation.
_NOT_HERE = ("bash ", "source ", "pip ", "python3 -m venv", "git ")


def commands(page: Path) -> list[list[str]]:
    """Words of each command of a page's bash blocks, without comments; loops of the shell are left out."""
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = (line for block in blocks for line in block.replace("\\\n", " ").splitlines())
    words = [shlex.split(line, comments=True) for line in lines if not re.search(r"\$|^\s*(for|done|pictures=)", line)]
    return [line for line in words if line]


def parser_help(words: list[str], capsys: pytest.CaptureFixture) -> str:
    """What the program of a command says to ``--help``, of its subcommand too."""
    if words[:2] == ["python", "-m"]:
        module, rest = words[2].replace("colorizer_onnx", "colorization"), words[3:]  # a copy of it is meant
        whole = module.endswith(("__main__", "color_with_onnx"))
        main = importlib.import_module(module if whole else f"{module}.__main__").main
    else:
        door = next(word for word in words if word.startswith("scripts/"))
        rest = words[words.index(door) + 1 :]
        main = importlib.import_module(re.search(r"^from (\S+) import main", (ROOT / door).read_text(), re.M)[1]).main
    sub = [rest[0]] if rest and words[:3] == ["python", "-m", "eval"] else []
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main([*sub, "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_programs_and_options_exist(page, capsys):
    asked = 0
    for words in commands(page):
        if not (words[0] == "python" or words[:2] == ["accelerate", "launch"]):
            continue
        text = parser_help(words, capsys)
        for option in (word.split("=")[0] for word in words if re.match(r"--\w", word)):
            if option not in ("--nproc_per_node",):
                assert option in text, f"{page.name}: {shlex.join(words)} has no {option}"
        asked += 1
    assert asked or page.name in ("deploying.md", "formats.md", "speed.md")


def test_pages_name_files_that_exist():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)\)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
        for path in re.findall(r"`((?:colorization|eval|space|scripts)/[\w/]+\.(?:py|csv|json|md))`", text):
            assert (ROOT / path).exists(), f"{page.name}: {path}"
    assert len(PAGES[0].read_text(encoding="utf-8").splitlines()) <= 160


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    """A folder with the photographs that the README speaks of, and the project's scripts."""
    folder = tmp_path_factory.mktemp("fresh")
    for name in ("photo.jpg", "autumn.jpg", "scans/one.png", "scans/two.jpg", "albums/summer/three.tif"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        draw_landscape(160, 120, len(name)).save(folder / name)
    (folder / "photos" / "hills").mkdir(parents=True)
    for seed in range(30):
        draw_scene(seed).save(folder / "photos" / "hills" / f"{seed}.png")
    (folder / "scripts").symlink_to(ROOT / "scripts")
    return folder


@pytest.fixture
def run(monkeypatch):
    """Run a command in a folder, its program as ``__main__``: here, as starts of an interpreter take longer than it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    def run(words: list[str], folder: Path) -> None:
        monkeypatch.chdir(folder)
        module = words[1] == "-m"
        monkeypatch.setattr(sys, "argv", words[1 + module :])
        try:
            if module:
                runpy.run_module(words[2], run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(words[1], run_name="__main__")
            code = 0
        except SystemExit as end:
            code = end.code
        assert not code, f"{shlex.join(words)} ends with {code}"

    return run


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_commands_of_the_readme_run_as_pasted(fresh, run):
    wanted = [words for words in commands(PAGES[0]) if not shlex.join(words).startswith(_NOT_HERE)]
    assert len(wanted) >= 9
    for words in wanted:
        run(words, fresh)
    made = {path.relative_to(fresh / "out").as_posix() for path in (fresh / "out").rglob("*") if path.is_file()}
    assert {"photo.jpg", "photo-variant-4.jpg", "one.png", "two.jpg", "three.tif"} <= made


@pytest.mark.slow
def test_python_of_the_readme_runs_as_pasted(fresh, monkeypatch):
    ours, theirs = re.findall(r"```python\n(.*?)```", PAGES[0].read_text(encoding="utf-8"), flags=re.DOTALL)
    monkeypatch.chdir(fresh)
    exec(compile(ours, "README.md", "exec"), {"__name__": "__main__"})
    assert (fresh / "my-model" / "model.safetensors").is_file()
    # In a process that has not registered the pipeline: it has to come with the model.
    done = run_fresh(["-c", theirs], fresh, os.environ | {"HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    assert (fresh / "colored.png").is_file()


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    """In one process and without Jupyter; what a cell ends with is looked at, as a reader would."""
    cells = json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    assert len(cells) == 30 and not any(cell.get("outputs") for cell in cells)
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": "__main__"}
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] == "code":
            tree = ast.parse("".join(cell["source"]), f"cell {number}")
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, f"cell {number}", "exec"), names)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
                values = value if isinstance(value, tuple) else (value,)
                assert not any(each is False for each in values), f"cell {number} says {value}"
    assert not names["folder"].exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_walk_through_an_evaluation_runs_as_pasted(tmp_path, run):
    section = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8").split("## A walk")[1].split("\n## ")[0]
    (tmp_path / "walk.md").write_text(section)
    (tmp_path / "photographs" / "hills").mkdir(parents=True)
    for seed in range(6):
        draw_scene(seed).save(tmp_path / "photographs" / "hills" / f"{seed}.jpg")
    wanted = commands(tmp_path / "walk.md")
    assert len(wanted) == 4
    for words in wanted:
        run(words, tmp_path)
    for made in ("report.html", "tables/all.tex", "comparison.json"):
        assert (tmp_path / "results" / made).is_file()
