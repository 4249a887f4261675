"""What a wheel holds, and what it promises."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from colorization import extras

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    pytest.importorskip("setuptools", reason="the build backend is not installed here")
    folder = tmp_path_factory.mktemp("wheel")
    skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for package in ("colorization", "eval"):
        shutil.copytree(ROOT / package, folder / package, ignore=skipped)
    for package in ("tests", "scripts", "space"):
        shutil.copytree(ROOT / package, folder / package, ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    code = "import setuptools.build_meta as backend; print(backend.build_wheel('.'))"
    built = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-2000:]
    return zipfile.ZipFile(folder / built.stdout.split()[-1])


def test_contents(wheel: zipfile.ZipFile):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in names} == {"colorization", "eval"}
    for package in ("colorization", "eval"):
        files = {path for path in (ROOT / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
        assert {path.relative_to(ROOT).as_posix() for path in files} == {n for n in names if n.startswith(package)}
    for model in ("landscape", "sky"):
        weights = f"colorization/pretrained/{model}/model.safetensors"
        assert wheel.getinfo(weights).file_size == (ROOT / weights).stat().st_size


def test_what_is_installed_with_it(wheel: zipfile.ZipFile):
    facts = message_from_bytes(wheel.read(next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))))
    assert facts["Version"] == PROJECT["version"] and facts["License-Expression"] == "Apache-2.0"
    always = [line.split(">")[0].lower() for line in facts.get_all("Requires-Dist") if "extra ==" not in line]
    assert not {"gradio", "datasets", "evaluate", "accelerate", "torchmetrics"} & set(always)
    assert {"space", "train", "eval", "onnx"} <= set(facts.get_all("Provides-Extra"))
    scripts = wheel.read(next(n for n in wheel.namelist() if n.endswith("entry_points.txt"))).decode()
    assert "landscape-colorize = colorization.__main__:main" in scripts


OPTIONAL = {"spaces", "httpx2"}  # only there on the Hub's machines, or with a newer client
EXTRAS = PROJECT["optional-dependencies"]


def declared(*extras: str) -> set[str]:
    return {*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])}


def test_requirements_are_those_of_the_project():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert {line for line in lines if line and line[0] != "#"} == declared("space", "train", "eval", "formats")


@pytest.mark.parametrize(
    ("package", "allowed"), [("colorization", [*EXTRAS]), ("eval", ["eval"]), ("space", ["space"])]
)
def test_every_package_that_is_imported_is_declared(package, allowed):
    names = {re.split(r"[<>=\[]", line)[0].lower().replace("_", "-") for line in declared(*allowed)}
    distributions = packages_distributions()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            for top in {module.split(".")[0] for module in modules} - OPTIONAL - {"colorization", "eval", "space"}:
                if top not in sys.stdlib_module_names:
                    needed = {name.lower().replace("_", "-") for name in distributions.get(top, [top])}
                    assert needed & names, f"{path.name} imports {top}, which {', '.join(allowed)} does not declare"


@pytest.mark.parametrize(
    ("door", "extra", "module"),
    [
        ("app.py", "space", "gradio"),
        ("scripts/train.py", "train", "accelerate"),
        ("scripts/build_dataset.py", "train", "pyarrow"),
        ("scripts/push_to_hub.py", "train", "jinja2"),
        ("scripts/choose_decoding.py", "eval", "torchmetrics"),
        ("eval/__main__.py", "eval", "datasets"),
        ("scripts/export_onnx.py", "onnx", "onnxscript"),
    ],
)
def test_a_missing_extra_is_one_sentence(door, extra, module):
    known = {re.split(r"[<>=\[]", line)[0].lower() for line in EXTRAS[extra]}
    assert {{"yaml": "pyyaml"}.get(name, name) for name in extras.EXTRAS[extra]} <= known
    run = "run_module('eval'" if door.startswith("eval/") else "run_path(sys.argv[0]"
    code = f"import runpy, sys\nsys.modules[{module!r}] = None\nsys.argv = [{door!r}, '--help']\n"
    code += f"runpy.{run}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    assert module in done.stderr and f"landscape-colorizer[{extra}]" in done.stderr


def test_version_stands_in_one_place():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = next(line for line in changes.splitlines() if line.startswith("## "))
    assert newest.removeprefix("## ").split(",")[0] == PROJECT["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert "version" not in citation and citation["license"] == PROJECT["license"]
    for path in [*ROOT.glob("colorization/**/*.py"), *ROOT.glob("eval/**/*.py")]:
        assert f'"{PROJECT["version"]}"' not in path.read_text(encoding="utf-8"), path
