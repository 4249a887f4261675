"""The plan of the house, executable: who may import whom, and where facts live. Reads sources."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from transformers.dynamic_module_utils import get_relative_import_files

from colorization.publishing import onnx_export
from eval.measures import MEASURES
from eval.metrics import colors

ROOT = Path(__file__).parents[1]
PACKAGES = ("colorization", "eval", "space")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

# Module (or package) -> what of the project it may import. The longest name that fits is the one that counts.
LAW = {
    "colorization.files": {"provenance"},
    "colorization.provenance": {"model.metadata"},
    "colorization.jobs": {"files", "model.images", "model.readers"},
    "colorization.progress": set(),
    "colorization.extras": set(),
    "colorization.model.srgb": set(),
    "colorization.model.color": {"model.srgb"},
    "colorization.model.coloring": {"model.limits"},
    "colorization.model.images": {"model"},
    "colorization.model.halftone": set(),
    "colorization.model.seeing": {"model.halftone", "model.srgb"},
    "colorization.model.painting": {"model.scan_borders", "model.srgb"},
    "colorization.model.networks": set(),
    "colorization.model.configuration_colorization": set(),
    "colorization.model.ab_bins": {"model.color"},
    "colorization.model.scan_borders": {"model.srgb"},
    "colorization.model": {"model"},
    "colorization.baselines": {"model", "baselines"},
    "colorization.sky": {"model.color", "model.images", "model.configuration_colorization", "sky"},
    "colorization.data": {"model.color", "model.images", "model.readers", "files", "sky", "data"},
    "colorization.data.clean": {"model.color", "data", "eval.metrics.colors"},
    "colorization.training": {"data", "model", "baselines", "files", "training"},
    # The loop is given its validation and knows nothing of the harness; only the command ties them together.
    "colorization.training.train": {"data", "model", "training"},
    "colorization.training.train_sky": {"sky", "model", "files", "training"},
    "colorization.drawing": {"model.color"},
    "colorization.training.validation": {"data", "model", "files", "training.recipe", "eval"},
    # It goes with an exported model to where there is no PyTorch, with what it imports.
    "colorization.color_with_onnx": {"model.painting", "model.scan_pages", "model.seeing"},
    "colorization.publishing.onnx_export": {"model", "files", "drawing", "color_with_onnx", "eval"},
    "colorization.publishing": {"model", "sky", "files", "drawing", "publishing", "eval"},
    "colorization.batch": {"model", "files", "jobs"},
    "colorization.__main__": {"model", "baselines", "files", "jobs", "batch", "progress", "colorization"},
    "eval": {"model.color", "model.images", "model.readers", "sky", "files", "eval"},
    "eval.__main__": {"model.color", "model.images", "model.readers", "sky", "files", "extras", "eval"},
    "eval.colorizers": {"model.color", "model.images", "model.pipeline_colorization", "baselines", "eval"},
    "eval.studies": {"model", "baselines", "sky", "files", "colorization", "eval"},
    # What goes to the Hub goes there one way, past one look for secrets.
    "eval.push": {"publishing.push", "publishing.upload", "publishing.model_card", "eval.results"},
    "eval.metrics": {"model.color", "model.configuration_colorization", "eval.metrics"},
    "eval.measures": set(),
    "eval.statistics": {"eval.measures"},
    "eval.results": {"files", "eval.measures", "eval.statistics"},
    "eval.plots": set(),
    "eval.progress": set(),
    "eval.others": {"model.color", "color_with_onnx"},
    "eval.library": {"model.color", "eval"},
    "eval.metric_table": set(),
    "eval.gallery": {"eval.results", "eval.metrics.colors"},
    "eval.merge": {"eval.results", "eval.measures"},
    "eval.report": {"files", "eval.results", "eval.plots", "eval.metric_table", "eval.gallery", "eval.merge"},
    "eval.compare": {"files", "eval.results", "eval.measures", "eval.statistics"},
    # data.archives: what makes a member of a zip hostile is known there. eval: the page measures with the harness's own
    # measures and makes the grey picture as the harness does.
    "space": {
        "model",
        "files",
        "drawing",
        "sky",
        "data.archives",
        "eval.metrics",
        "eval.inputs",
        "eval.sky_dependence",
        "space",
    },
}
LONG = {}  # module -> why it is one room and not two
LITERALS = {0.04045, 0.0031308, 12.92, 1.055, 0.95047, 1.08883, 0.008856, 7.787, 903.3}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def own_imports(path: Path) -> set[str]:
    """Full names of the project's modules that a file imports, at any depth of its code."""
    package = list(path.relative_to(ROOT).parent.parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            submodules = [a.name for a in node.names if (ROOT / stem.replace(".", "/") / f"{a.name}.py").is_file()]
            found |= {f"{stem}.{name}" for name in submodules} or {stem}
    return {name for name in found if name.split(".")[0] in (*PACKAGES, "scripts", "tests", "app")}


def law_of(module: str) -> tuple[str, set[str]] | None:
    names = [name for name in LAW if module == name or module.startswith(name + ".")]
    return (max(names, key=len), LAW[max(names, key=len)]) if names else None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_import_law(path):
    module = name_of(path)
    if module in PACKAGES:
        return  # a package's own front re-exports
    law = law_of(module)
    assert law is not None, f"{module} has no place in the plan; give it one in LAW"
    for imported in own_imports(path):
        short = imported.removeprefix("colorization.")
        allowed = any(short == name or short.startswith(name + ".") for name in law[1])
        assert allowed, f"{module} imports {imported}; {law[0]} may import {sorted(law[1]) or 'nothing of ours'}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_habits(path):
    text = path.read_text(encoding="utf-8")
    assert path.stem not in {"utils", "helpers", "common", "misc"}
    assert "sys.path" not in text and not re.search(r"import \*", text)
    assert len(text.splitlines()) <= 350 or name_of(path) in LONG
    numbers = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    if path.name != "srgb.py":
        assert not LITERALS & {value for value in numbers if isinstance(value, float)}
        assert not any(isinstance(value, float) and 0.4124 <= value < 0.4125 for value in numbers)
    if path.name not in ("modeling_colorization.py", "configuration_colorization.py"):
        assert ".ab_scale" not in text


def test_remote_files_are_flat_and_known():
    package = ROOT / "colorization" / "model"
    entries = ("modeling_colorization", "image_processing_colorization", "pipeline_colorization")
    files = {package / f"{name}.py" for name in entries}
    for entry in sorted(files):
        files |= {Path(name) for name in get_relative_import_files(entry)}
    assert files == set(package.glob("*.py")) - {package / "__init__.py"}, "what travels to the Hub is this folder"
    for path in files:
        assert path.parent == package
        assert not re.search(r"^from \. import|^from \.\w+\.\w+ import", path.read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize(
    "code",
    [
        "import colorization",
        "import colorization.files",
        "import contextlib, colorization.__main__ as door\nwith contextlib.suppress(SystemExit): door.main(['--help'])",
    ],
)
def test_import_is_light(code):
    heavy = ("torch", "transformers", "datasets", "gradio", "evaluate", "eval", "scipy")
    code = f"import sys\n{code}\nprint([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.splitlines()[-1] == "[]"


# A rule with one home: what gives it away in a source, and the files that may hold it.
HOMES = {
    r"errno == 28|ENOSPC": {"colorization/files.py"},
    r"0\.485, 0\.456": {"colorization/model/configuration_colorization.py"},
    r"0\.3 \*.*mean": {"eval/metrics/colors.py"},  # colorfulness
    r"1 / 3, 2 / 3": {"eval/results.py"},  # terciles
    r"permute\(2, 0, 1\)[^\n]*/ 255": {"colorization/model/color.py"},
    r"(?<!\*)\.part\"|\.with_name\([^\n]*\.(part|new)\b": {"colorization/files.py"},
    r"(?i)(near_?grey|min_chroma)\w*(: float)? = 3\.0": {"colorization/model/color.py"},
    r"\{\"\.jpe?g\", ": {"colorization/files.py", "colorization/model/readers.py"},
    r"ratios? [<>]=? [01]\.5|0\.5 <= ratio": set(),
    r"\"pretrained\"": {"colorization/model/configuration_colorization.py", "colorization/sky/segmenter.py"},
    r"spec_from_file_location|sys\.path|if __package__|syspath_prepend": set(),
}


def python_files() -> list[Path]:
    return [*FILES, *(ROOT / "scripts").rglob("*.py"), ROOT / "app.py"]


@pytest.mark.parametrize("pattern", HOMES)
def test_a_rule_has_one_home(pattern):
    found = {
        path.relative_to(ROOT).as_posix() for path in python_files() if re.search(pattern, path.read_text("utf-8"))
    }
    assert found <= HOMES[pattern], f"{sorted(found - HOMES[pattern])} repeat what {sorted(HOMES[pattern])} says"


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").glob("*.py")), ids=lambda path: path.name)
def test_scripts_are_doors(path):
    """Some ten lines each."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 12


def test_what_goes_with_an_onnx_file_needs_no_pytorch():
    files = [ROOT / "colorization" / f"{name}.py" for name in onnx_export._RUNTIME]
    for path in files:
        tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        roots = {n.module.split(".")[0] for n in tree if isinstance(n, ast.ImportFrom) and n.module and not n.level}
        tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        roots |= {alias.name.split(".")[0] for n in tree if isinstance(n, ast.Import) for alias in n.names}
        assert roots - sys.stdlib_module_names <= {"numpy", "PIL", "onnxruntime"}
    imported = {name.replace("colorization.", "").replace(".", "/") for path in files for name in own_imports(path)}
    assert imported <= set(onnx_export._RUNTIME)


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_names_are_plain(path):
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names = {getattr(node, field, None) for node in nodes for field in ("id", "name", "arg", "attr")}
    assert not names & {"said", "told", "speakers", "wishes"}


def test_bounds_of_the_table_are_those_of_the_code():
    measures = {measure.key: measure.threshold for measure in MEASURES}
    assert (measures["collapse_rate"], measures["oversaturation_rate"]) == (colors.COLLAPSED, colors.OVERSATURATED)
