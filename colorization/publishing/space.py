"""Put the page on the Hub as a Space: app.py, requirements.txt, the packages the page imports, and the README.

    python scripts/deploy_space.py --repo-id ORG/NAME --dry-run     # prints every file with its size; sends nothing
    python scripts/deploy_space.py --repo-id ORG/NAME [--private] [--model-id ORG/MODEL]

The README is space/README.md; its front matter is checked first: what Spaces want, and that it agrees with
requirements.txt and pyproject.toml. Tests, caches, git data, card templates and secrets stay here, and no weights go
twice. Exit status: 0 done, 1 it could not be done (a sentence says why), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import logging
import re
import shutil
import tempfile
import tomllib
from pathlib import Path

import yaml
from huggingface_hub import SpaceHardware
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from .upload import ROOT, PublishError, Upload, describe, find_files, refuse_secrets, send

PACKAGES = ("space", "colorization", "eval")
_NOT_SENT = ("space/README.md", "colorization/publishing/")
_COLORS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
_REQUIRED = (
    "title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "license",
    "short_description",
)  # fmt: skip
_MOST_WORDS = 60  # characters of short_description, the Hub's limit
_REPO = re.compile(r"[\w.-]+/[\w.-]+")
logger = logging.getLogger("deploy_space")


def split_front_matter(text: str) -> tuple[dict, str]:
    """The metadata and the rest of a README.

    Raises:
        PublishError: if there is no front matter, or it is no YAML mapping.
    """
    found = re.match(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL)
    front, rest = found.groups() if found else ("", text)
    try:
        facts = yaml.safe_load(front)
    except yaml.YAMLError as error:
        raise PublishError(f"space/README.md: its front matter is no YAML ({error}).") from error
    if not isinstance(facts, dict):
        raise PublishError("space/README.md: it has to begin with front matter between two lines of ---.")
    return facts, rest


def problems_of(facts: dict, root: Path) -> list[str]:
    """What is wrong with a front matter, a sentence each; empty if nothing is."""
    found = [f"{key} is missing." for key in _REQUIRED if not facts.get(key)]
    if found:
        return found
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (line.partition("#")[0].strip() for line in (root / "requirements.txt").read_text().splitlines())
    needed = {requirement.name.lower(): requirement for requirement in map(Requirement, filter(None, lines))}
    if facts["sdk"] != "gradio":
        found.append(f"sdk is {facts['sdk']!r}; the page is made with gradio.")
    for key in ("sdk_version", "python_version"):
        if not isinstance(facts[key], str) or not re.fullmatch(r"\d+(\.\d+){1,2}", facts[key]):
            found.append(f"{key} has to be a version in quotes, not {facts[key]!r}.")
    if "gradio" not in needed:
        found.append("requirements.txt does not name gradio.")
    elif not found and facts["sdk_version"] not in needed["gradio"].specifier:
        found.append(f"sdk_version {facts['sdk_version']} is not in requirements.txt ({needed['gradio']}).")
    if not found and f"{facts['python_version']}.0" not in SpecifierSet(project["requires-python"]):
        found.append(f"python_version {facts['python_version']} is not {project['requires-python']} of pyproject.toml.")
    for requirement in map(Requirement, project["dependencies"]):
        if requirement.name.lower() not in needed:
            found.append(f"requirements.txt lacks {requirement.name}, which pyproject.toml needs.")
    if not (root / facts["app_file"]).is_file():
        found.append(f"app_file {facts['app_file']} does not exist.")
    if facts["license"] != project["license"].lower():
        found.append(f"license is {facts['license']!r}, the project's is {project['license']!r}.")
    found += [
        f"{key} has to be one of {', '.join(sorted(_COLORS))}, not {facts[key]!r}."
        for key in ("colorFrom", "colorTo")
        if facts[key] not in _COLORS
    ]
    if len(facts["short_description"]) > _MOST_WORDS:
        found.append(f"short_description has {len(facts['short_description'])} characters; {_MOST_WORDS} fit.")
    hardware = facts.get("suggested_hardware")
    if hardware and hardware not in {kind.value for kind in SpaceHardware}:
        found.append(f"suggested_hardware {hardware!r} is none the Hub has.")
    for key in ("models", "datasets", "preload_from_hub"):
        entries = facts.get(key, [])
        if not isinstance(entries, list) or not all(_REPO.fullmatch(str(entry).split(" ")[0]) for entry in entries):
            found.append(f"{key} has to be a list of ORG/NAME.")
    return found


def imported_packages(root: Path) -> list[str]:
    """Which of the project's packages the page imports, at any depth of its code or of theirs."""
    waiting, found = [root / "app.py"], set[str]()
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for package in {name.split(".")[0] for name in names} & set(PACKAGES) - found:
                found.add(package)
                waiting += [path for path in find_files(root / package).values() if path.suffix == ".py"]
    return sorted(found)


def stage(repo_id: str, model_ids: list[str], dataset_ids: list[str], folder: Path, root: Path = ROOT) -> Upload:
    """Put everything of the Space into ``folder``.

    Args:
        repo_id: of the Space.
        model_ids: models to name in the front matter, beside those in it.
        dataset_ids: likewise.
        folder: that does not exist yet.
        root: of the project.

    Raises:
        PublishError: if the front matter is wrong, a file is missing, or weights would go twice.
    """
    facts, text = split_front_matter((root / "space" / "README.md").read_text(encoding="utf-8"))
    for key, given in (("models", model_ids), ("datasets", dataset_ids)):
        if given:
            facts[key] = list(dict.fromkeys([*facts.get(key, []), *given]))
    problems = problems_of(facts, root)
    if problems:
        raise PublishError("space/README.md: " + " ".join(problems))
    front = yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=1000)
    files = {name: root / name for name in (facts["app_file"], "requirements.txt", "LICENSE")}
    for package in imported_packages(root):
        found = {f"{package}/{path}": file for path, file in find_files(root / package).items()}
        files |= {path: file for path, file in found.items() if not path.startswith(_NOT_SENT)}
    weights: dict[str, str] = {}
    for path, file in files.items():
        if path.endswith((".safetensors", ".bin", ".pt", ".onnx")):
            other = weights.setdefault(hashlib.sha256(file.read_bytes()).hexdigest(), path)
            if other != path:
                raise PublishError(f"{path} holds the same weights as {other}; one of them is enough.")
    if facts.get("preload_from_hub") and any("landscape/" in path for path in weights.values()):
        raise PublishError("preload_from_hub would fetch a model beside the one that is sent; leave it out.")
    for path, file in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / path)
    (folder / "README.md").write_text(f"---\n{front}---\n{text}", encoding="utf-8")
    return Upload(repo_id, "space", folder, "Deploy the page", sdk="gradio")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo-id", required=True, metavar="ORG/NAME")
    parser.add_argument(
        "--model-id", action="append", default=[], metavar="ORG/MODEL", help="named in the front matter"
    )
    parser.add_argument("--dataset-id", action="append", default=[], metavar="ORG/DATA", help="likewise")
    parser.add_argument("--private", action="store_true", help="a new Space is private")
    parser.add_argument("--dry-run", action="store_true", help="print the files and the front matter; send nothing")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if not _REPO.fullmatch(args.repo_id):
        parser.error(f"--repo-id is ORG/NAME, not {args.repo_id!r}")
    try:
        with tempfile.TemporaryDirectory(prefix="space-") as scratch:
            upload = stage(args.repo_id, args.model_id, args.dataset_id, Path(scratch) / "staged")
            refuse_secrets(upload)
            print(describe(upload))
            if args.dry_run:
                front = (upload.folder / "README.md").read_text(encoding="utf-8").partition("\n---\n")[0]
                print(f"\n{front}\n---\n\nNothing was sent.")
                return 0
            print(f"Sent as commit {send(upload, private=args.private)}.")
    except (PublishError, OSError, SyntaxError) as error:
        logger.error("%s", error)
        return 1
    return 0
