"""A model is pushed and lived with: by id, pinned, offline, private, over a bad network."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import HfApi, ModelCard
from PIL import Image
from safetensors.torch import load_file, save_file

from colorization.publishing import embedded_card, examples, model_card, push
from colorization.publishing.upload import PublishError

NAME, OWNER = "valley/tiny", "hf_of_the_owner"
PINNED = """
    import sys
    sys.modules["colorization"] = None
    import torch
    from PIL import Image
    from safetensors.torch import save_file
    from transformers import AutoImageProcessor, AutoModel, pipeline
    name, picture, colored, out, *revisions = sys.argv[1:]
    pipe = pipeline("image-colorization", model=name, trust_remote_code=True)
    pipe(picture).save(colored)
    found = {}
    for revision in revisions:
        remote = {"revision": revision, "trust_remote_code": True}
        processor = AutoImageProcessor.from_pretrained(name, **remote)
        with torch.inference_mode():
            model = AutoModel.from_pretrained(name, **remote).eval()
            found[revision] = model(**processor(Image.open(picture))).ab
    save_file(found, out)
"""


@pytest.fixture(scope="module")
def results(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the harness writes it, with figures of nobody."""
    weights = hashlib.sha256((tiny_model_dir / "model.safetensors").read_bytes()).hexdigest()
    psnr = {"value": 24.125, "interval": [23.5, 24.5]}
    path = tmp_path_factory.mktemp("results") / "results.json"
    content = {
        "schema": 2,
        "command": "python -m eval run --data /home/me/photos --colorizer ours=/tmp/model --output /tmp/out",
        "data": {"path": "/home/me/photos", "measured": 7, "near_grey_left_out": 1},
        "colorizers": {"grey": {"kind": "floor"}, "ours": {"kind": "model", "sha256": weights}},
        "metrics": {"psnr_rgb_mean": {"title": "RGB PSNR", "unit": "dB", "better": "higher", "digits": 2}},
        "summaries": [
            {"slice": "all", "colorizer": "grey", "n": 7, "psnr_rgb_mean": {"value": 21.0, "interval": [20.0, 22.0]}},
            {"slice": "all", "colorizer": "ours", "n": 7, "psnr_rgb_mean": psnr},
            {"slice": "sky no", "colorizer": "ours", "n": 3, "psnr_rgb_mean": {"value": 19.5}},
        ],
    }
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="module")
def bare(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Only what a training run leaves: configuration, weights, processor."""
    folder = tmp_path_factory.mktemp("bare")
    for name in ("config.json", "model.safetensors", "preprocessor_config.json"):
        shutil.copy(tiny_model_dir / name, folder)
    return folder


def test_pushed_by_script_and_used_by_strangers(hub, run, bare, results, tiny_pipeline, landscape, tmp_path, capsys):

    arguments = ("--repo-id", NAME, "--model", bare, "--results", results)
    assert push.main([*map(str, arguments), "--dry-run"]) == 0
    rehearsed = capsys.readouterr().out
    assert not hub.requests and "Nothing was sent" in rehearsed and "RGB PSNR, dB ↑" in rehearsed

    pushed = run("scripts/push_to_hub.py", *arguments, token=OWNER)
    assert pushed.returncode == 0, pushed.stderr
    assert "equal to the bit" in pushed.stdout
    repository = hub.repositories["model", NAME]
    first, tree = repository.refs["heads/main"], repository.tree("main")
    listed = {line.split()[1]: line.split()[0] for line in rehearsed.split("  bytes in")[0].splitlines()[:-1]}
    assert listed == {path: f"{file.size:,}" for path, file in tree.items()}
    assert tree["model.safetensors"].sha256 == hashlib.sha256((bare / "model.safetensors").read_bytes()).hexdigest()

    landscape.save(tmp_path / "a.png")
    with torch.inference_mode():
        ab = tiny_pipeline.model(**tiny_pipeline.image_processor(landscape)).ab
    # Somebody changes the weights: the main branch moves, what is pinned does not.
    weights = load_file(bare / "model.safetensors")
    save_file({key: value * 1.5 for key, value in weights.items()}, tmp_path / "other.safetensors", {"format": "pt"})
    api = HfApi(endpoint=hub.url, token=OWNER)
    api.create_tag(NAME, tag="v1", revision=first)
    content = (tmp_path / "other.safetensors").read_bytes()
    hub.contents[hashlib.sha256(content).hexdigest()] = content
    line = {"path": "model.safetensors", "oid": hashlib.sha256(content).hexdigest()}
    repository.commit("main", [{"value": {}}, {"key": "lfsFile", "value": line}], hub.contents)
    home, files = tmp_path / "stranger", [tmp_path / name for name in ("a.png", "colored.png", "ab.safetensors")]
    pinned = run(PINNED, NAME, *files, "main", first, "v1", home=home)
    assert pinned.returncode == 0, pinned.stderr
    assert Image.open(tmp_path / "colored.png").size == landscape.size
    found = load_file(tmp_path / "ab.safetensors")
    assert torch.equal(found[first], ab) and torch.equal(found["v1"], ab) and not torch.equal(found["main"], ab)

    # What was loaded once is there without a network, and nobody is asked.
    asked = len(hub.requests)
    offline = {"home": home, "HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
    again = run(PINNED, NAME, *files[:2], tmp_path / "again.safetensors", "main", "v1", **offline)
    assert again.returncode == 0, again.stderr
    offline_ab = load_file(tmp_path / "again.safetensors")
    assert all(torch.equal(found[key], offline_ab[key]) for key in ("main", "v1")) and len(hub.requests) == asked


def test_card_says_what_was_measured(bare, results):

    measured = model_card.read_results(results, bare / "model.safetensors")
    card = ModelCard(model_card.write_model_card(NAME, bare, [measured]))
    figures = {entry.dataset_name: entry for entry in card.data.eval_results}
    assert figures["photos"].metric_value == 24.125 and figures["photos"].metric_args["n"] == 7
    assert figures["photos (sky no)"].metric_value == 19.5
    assert "| RGB PSNR, dB ↑ | 24.12 ± 0.50 | 21.00 ± 1.00 | 19.50 |" in card.text
    assert "`lpips_squeeze_mean` was not measured." in card.text and "/home" not in card.content
    assert "/tmp" not in card.content
    empty = ModelCard(model_card.write_model_card(NAME, bare, []))
    assert empty.data.eval_results is None and "No figures were given" in empty.text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"colorizers": {"ours": {"kind": "model", "sha256": "0" * 64}}}, "none of the colorizers"),
        ({"colorizers": {"a": {"kind": "model"}, "b": {"kind": "model"}}}, "which of a, b"),
        ({"summaries": []}, "no summary"),
        ({"summaries": None}, "no results file"),
        ({"schema": 1}, "schema 1"),
    ],
)
def test_results_of_another_model_are_refused(bare, results, tmp_path, change, reason):

    path = tmp_path / "results.json"
    path.write_text(json.dumps(json.loads(results.read_text()) | change))
    with pytest.raises(model_card.ResultsError, match=reason):
        model_card.read_results(path, bare / "model.safetensors")


def test_examples_are_shown_with_their_credits(bare, landscape, tmp_path):

    folder = tmp_path / "examples"
    folder.mkdir()
    landscape.save(folder / "north-ridge.png")
    with pytest.raises(PublishError, match="credits cannot be read"):
        examples.write_examples(folder, lambda grey: grey, tmp_path)
    (folder / "credits.csv").write_text("path,author,licence\nfolder/north-ridge.png,A. Hiker,\n")
    with pytest.raises(PublishError, match=r"credits\.csv names no licence"):
        examples.write_examples(folder, lambda grey: grey, tmp_path)
    (folder / "credits.csv").write_text("path,author,licence,source_url\nnorth-ridge.png,A. Hiker,CC0,http://x.org/1\n")
    landscape.convert("L").save(folder / "north-ridge.png")
    shown = examples.write_examples(folder, lambda grey: grey, tmp_path)
    with Image.open(tmp_path / "examples" / "north-ridge.jpg") as strip:
        assert strip.size == (2 * landscape.width + 8, landscape.height)
    card = model_card.write_model_card(NAME, bare, [], shown)
    assert "(examples/north-ridge.jpg)" in card and "*North ridge*: A. Hiker, CC0, [source](http://x.org/1)" in card
    assert "Failed" not in card and "Without a sky" not in card


def test_failures_without_a_sky_are_shown_as_such(bare, landscape, tmp_path):

    folder = tmp_path / "examples"
    folder.mkdir()
    for name in ("good", "pale"):
        landscape.save(folder / f"{name}.png")
    (folder / "credits.csv").write_text(
        "path,author,licence,source_url,sky\ngood.png,A,CC0,,yes\npale.png,A,CC0,,no\n", encoding="utf-8"
    )
    answers = iter([landscape, None])  # all the color there is, and none
    shown = examples.write_examples(folder, lambda grey: next(answers) or grey, tmp_path)
    with Image.open(tmp_path / "examples" / "pale.jpg") as strip:
        assert strip.size == (3 * landscape.width + 16, landscape.height)
    assert [example.verdict.failures for example in shown] == [(), ("less than half of its color",)]
    card = model_card.write_model_card(NAME, bare, [], shown)
    hard, rest = card.split("### Without a sky in sight")[1].split("### With a sky")
    assert "Of these 1,\n1 failed" in hard and "**Failed: less than half of its color**" in hard and "*Pale*" in hard
    assert "*Good*" in rest and "Failed" not in rest and "chroma ratio 1.00" in rest


def test_the_embedded_model_has_the_card_of_its_own_figures():

    assert (embedded_card.EMBEDDED_MODEL / "README.md").read_text("utf-8") == embedded_card.card_of(
        embedded_card.EMBEDDED_MODEL
    )


def test_what_stays_of_a_results_file(bare, results, tmp_path):

    whole = json.loads(results.read_text()) | {
        "created": "2026-01-02T03:04:05",
        "protocol": {},
        "rows": [{"picture": 1}],
    }
    whole["summaries"] += [{"slice": "all", "colorizer": "theirs", "n": 7}]
    whole["colorizers"]["theirs"] = {"kind": "folder", "sha256": None}
    weights = hashlib.sha256((bare / "model.safetensors").read_bytes()).hexdigest()
    path = tmp_path / "short.json"
    path.write_text(json.dumps(embedded_card.summary_of(whole, weights)))
    assert "theirs" not in path.read_text() and "rows" not in path.read_text() and "/home" not in path.read_text()
    (tmp_path / "whole.json").write_text(json.dumps(whole))
    short, full = (
        model_card.read_results(tmp_path / f"{name}.json", bare / "model.safetensors") for name in ("short", "whole")
    )
    assert short.table == full.table


SEND = """
    import sys
    from pathlib import Path
    from colorization.publishing.upload import PublishError, Upload, send
    try:
        options = {"private": "--private" in sys.argv, "revision": "next" if "--next" in sys.argv else None}
        print(send(Upload(sys.argv[1], "model", Path(sys.argv[2]), "try"), **options))
    except PublishError as error:
        sys.exit(str(error))
"""
LOAD = """
    import sys
    from transformers import AutoModel
    AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
"""


@pytest.fixture
def send(run):
    return lambda name, folder, *more, **options: run(SEND, name, folder, *more, **options)


def test_private_and_without_rights(hub, run, send, bare):
    nobody = send("valley/secret", bare)
    assert (
        nobody.returncode == 1
        and "hf auth login" in nobody.stderr
        and ("model", "valley/secret") not in hub.repositories
    )
    stranger = send("valley/secret", bare, token="hf_of_somebody")
    assert stranger.returncode == 1 and "may not write there" in stranger.stderr
    owner = send("valley/secret", bare, "--private", token=OWNER)
    assert owner.returncode == 0 and hub.repositories["model", "valley/secret"].private, owner.stderr
    loaded = run(LOAD, "valley/secret")
    assert loaded.returncode == 1 and "private repository" in loaded.stderr and "token" in loaded.stderr
    public = send("valley/open", bare, token=OWNER)
    assert public.returncode == 0, public.stderr
    before = hub.repositories["model", "valley/open"].refs["heads/main"]
    refused = send("valley/open", bare, "--private", token=OWNER)
    assert "is public; nothing was sent" in refused.stderr
    assert hub.repositories["model", "valley/open"].refs["heads/main"] == before


def test_broken_connection_leaves_all_or_nothing(hub, send, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    content = np.random.default_rng(0).bytes(300_000)
    (folder / "model.safetensors").write_bytes(content)
    (folder / "config.json").write_text("{}")
    # In the middle of the weights: the client tries again by itself.
    hub.break_next("PUT /content/put")
    # And the commit that ends it is lost: nothing of it may be seen.
    hub.break_next("POST /api/models/valley/broken/commit")
    broken = send("valley/broken", folder, token=OWNER)
    assert broken.returncode == 1 and "run the same command again" in broken.stderr
    repository = hub.repositories["model", "valley/broken"]
    assert repository.tree("main") == {} and len(repository.commits) == 1
    asked = len(hub.requests)
    whole = send("valley/broken", folder, token=OWNER)
    assert whole.returncode == 0, whole.stderr
    assert set(repository.tree("main")) == {"model.safetensors", "config.json"}
    assert not any(request.startswith("PUT") for request in hub.requests[asked:])
    # A download that breaks goes on where it stopped.
    hub.break_next("GET /content/get")
    path = HfApi(endpoint=hub.url).hf_hub_download("valley/broken", "model.safetensors", cache_dir=tmp_path / "cache")
    assert Path(path).read_bytes() == content
    # Another branch moves alone.
    (folder / "config.json").write_text('{"more": 1}')
    assert send("valley/broken", folder, "--next", token=OWNER).returncode == 0
    assert repository.file("next", "config.json") != repository.file("main", "config.json")
    (folder / "config.json").write_text("{}")
    # The same again is no new commit.
    assert send("valley/broken", folder, token=OWNER).stdout.split()[-1] == repository.refs["heads/main"]
    assert len(repository.commits) == 3


def test_secrets_stay_here(hub, send, tmp_path):
    folder = tmp_path / "model"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text("hidden")
    (folder / "config.json").write_text(json.dumps({"token": "hf_" + "a" * 34}))
    refused = send("valley/leak", folder, token=OWNER)
    assert refused.returncode == 1 and "config.json: this looks like" in refused.stderr and "aaa" not in refused.stderr
    assert ("model", "valley/leak") not in hub.repositories
