"""Figures of a run go to the Hub as a data set and on a model's card; without --send nothing leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from eval import push, results
from eval.__main__ import main

from ..conftest import ROOT
from ..eval.test_report import make_results

OWNER = "hf_of_the_owner"
# One process for all of it: a start costs seconds.
SEND = """
    import sys
    from huggingface_hub import HfApi, hf_hub_download
    from eval.__main__ import main
    def put(content, name):
        HfApi().upload_file(path_or_fileobj=content, path_in_repo=name, repo_id="valley/model")
    HfApi().create_repo("valley/model")
    put(b"---\\nlicense: mit\\n---\\n# A model\\n", "README.md")
    assert main(sys.argv[2:]) == 0
    with open(sys.argv[1], "w") as file:
        file.write(open(hf_hub_download("valley/model", "README.md")).read())
    put(b"of another model", "model.safetensors")
    main(sys.argv[2:])
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    found = make_results(folder, count=6)
    found["command"] = f"python -m eval run --data {folder}/photos --colorizer good={folder}/weights"
    found["data"]["path"] = f"{folder}/photos"
    found["colorizers"]["good"] |= {"spec": f"{folder}/weights", "sha256": "ab" * 32}
    found["colorizers"]["bad"]["spec"] = f"folder:{folder}/done"
    results.write(folder, found)
    return folder / "results.json"


def test_a_rehearsal_prints_everything_and_asks_nobody(measured, capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi.create_repo", lambda *a, **k: pytest.fail("this is a rehearsal"))
    arguments = ["push", str(measured), "--dataset", "valley/figures", "--model", "valley/model"]
    assert main([*arguments, "--colorizer", "good", "--metric", "valley/measures"]) == 0
    printed = capsys.readouterr().out
    for word in ("figures.csv", "results.schema.json", "measures.py", "type: ciede2000_mean", "Nothing was sent"):
        assert word in printed
    for wrong, sentence in (
        ([str(measured)], "Say where to"),
        ([str(measured), "--model", "valley/model"], "Say it with --colorizer"),
        ([str(measured), "--model", "valley/model", "--colorizer", "nobody"], "no colorizer 'nobody'"),
    ):
        with pytest.raises(SystemExit):
            main(["push", *wrong])
        assert sentence in capsys.readouterr().err


def test_the_data_set_loads_and_names_no_folder_of_this_machine(measured, tmp_path):
    datasets = pytest.importorskip("datasets")
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed: pip install .[dev]")
    push.stage_dataset(results.read(measured), tmp_path / "set", "valley/figures")
    for path in (tmp_path / "set").iterdir():
        assert str(measured.parent) not in path.read_text(encoding="utf-8"), path.name
    schema = json.loads((tmp_path / "set" / "results.schema.json").read_text())
    found = json.loads((tmp_path / "set" / "results.json").read_text())
    jsonschema.validate(found, schema)
    assert [found["colorizers"][name]["spec"] for name in ("good", "bad")] == ["weights", "folder:done"]
    tables = {
        name: datasets.load_dataset(str(tmp_path / "set"), name, split="train", cache_dir=str(tmp_path / "cache"))
        for name in ("figures", "rows", "sky_dependence")
    }
    line = next(
        row for row in tables["figures"]
        if (row["slice"], row["colorizer"], row["figure"]) == ("all", "good", "psnr_rgb_mean")
    )  # fmt: skip
    entry = next(e for e in found["summaries"] if (e["slice"], e["colorizer"]) == ("all", "good"))
    assert (line["value"], line["n"], line["best"]) == (pytest.approx(entry["psnr_rgb_mean"]["value"]), 6, True)
    assert len(tables["rows"]) == 24 and len(tables["sky_dependence"]) == 6


def test_figures_are_sent_and_come_on_the_card_of_their_own_model_only(hub, run, measured, tmp_path):
    arguments = ("--dataset", "valley/figures", "--model", "valley/model", "--colorizer", "good", "--send")
    card = tmp_path / "card.md"
    sent = run(SEND, card, "push", measured, *arguments, token=OWNER, PYTHONPATH=str(ROOT))
    assert card.is_file(), sent.stderr
    assert {"figures.csv", "rows.csv", "README.md"} <= set(hub.repositories["dataset", "valley/figures"].tree("main"))
    data = ModelCard(card.read_text()).data
    assert data.license == "mit" and "# A model" in card.read_text()
    assert {entry.metric_type for entry in data.eval_results} >= {"psnr_rgb_mean", "chroma_ratio_median"}
    assert sent.returncode == 2 and "has other weights on the Hub" in " ".join(sent.stderr.split())
