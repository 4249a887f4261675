"""The report and the comparison: planted differences are said, equal things are not called different."""

from __future__ import annotations

import copy
import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval import results
from eval.__main__ import main
from eval.compare import compare, correct
from eval.gallery import KINDS, Shelf
from eval.report import provenance, to_html, to_markdown, write_report

from ..conftest import draw_landscape

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def make_results(folder: Path, count: int = 40, shift: float = 2.0, names: tuple[str, str] = ("good", "bad")) -> dict:
    """Results with two colorizers, the second worse by ``shift`` in CIEDE2000 and PSNR and half as colorful."""
    chance = np.random.default_rng(0)
    records = []
    for number in range(count):
        key = f"{number:012x}"
        base = {"psnr_rgb": 25 + chance.normal(), "ciede2000_mean": 8 + chance.normal(), "lpips_squeeze": 0.1}
        base |= {"chroma_ratio": 0.9 + 0.1 * chance.normal(), "sepia": 0.0, "chroma_mean": 20 + chance.normal()}
        noise = chance.normal(0, 0.3)
        worse = {
            **base,
            "psnr_rgb": base["psnr_rgb"] - shift + noise,
            "chroma_ratio": base["chroma_ratio"] / (1 + shift / 2),
        }
        worse |= {
            "ciede2000_mean": base["ciede2000_mean"] + shift + noise,
            "sepia": float(shift > 0 and number % 4 == 0),
        }
        truth = {**base, "psnr_rgb": 100.0, "ciede2000_mean": 0.0, "chroma_ratio": 1.0}
        grey = {**base, "psnr_rgb": 20.0, "ciede2000_mean": 12.0, "chroma_ratio": 0.0}
        rows = {"grey": grey, names[0]: base, names[1]: worse, "truth": truth}
        records.append(
            {"picture": key, "path": f"hills/<b>{number}</b>.png", "source": "drawn", "scene": "hills", "sha1": key,
             "sky": "no" if number % 2 else "yes", "sky_by": "hand", "rows": rows}
        )  # fmt: skip
        if number % 2 == 0:
            cut = {
                "chroma_whole": 20.0,
                "chroma_cut": 10.0,
                "lost": 0.5,
                "lost_control": 0.1,
                "chroma_whole_control": 20.0,
            }
            cut |= {"delta_e_rise": 1.0, "sepia_whole": 0.0, "sepia_cut": 1.0}
            records[-1]["sky_dependence"] = {names[1]: cut, names[0]: {**cut, "lost": 0.02 if shift else 0.5}}
        thumbnails = folder / "pictures" / key
        thumbnails.mkdir(parents=True)
        for name in ("input", "truth", "good", "bad"):
            draw_landscape(64, 48, seed=number % 5).save(thumbnails / f"{name}.jpg")
    rows = results.rows_of(records)
    header = {
        "command": "python -m eval run --data <drawn>",
        "protocol": {"input": "lab-l", "degradation": None, "size": None, "near_grey_chroma": 3.0},
        "data": {"path": "drawn", "described": count},
        "colorizers": {name: {"spec": name, "kind": "model", "unmatched": []} for name in ("grey", *names, "truth")},
        "notes": ["FID and KID were not computed: no network."],
    }
    found = results.document(records, header, results.summarize(rows), rows)
    results.write(folder, found)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("results")
    make_results(place)
    write_report(place)
    return place


def test_markdown_has_every_colorizer_and_says_what_is_missing(folder):
    text = (folder / "REPORT.md").read_text()
    for word in (
        "| good |",
        "bad",
        "grey",
        "truth",
        "sky no",
        "FID and KID were not computed",
        "Sky dependence",
        "CIEDE2000 ↓",
        "n 20)",
        "Seed 0, 1000 resamples",
    ):
        assert word in text
    found = results.read(folder / "results.json")
    del found["summaries"][0]["psnr_rgb_mean"]
    assert "not computed" in to_markdown(found)


def test_results_are_valid_and_flat_copies_agree(folder):
    found = results.read(folder / "results.json")
    lines = (folder / "results.csv").read_text().splitlines()
    assert len(lines) == 1 + len(found["rows"]) == 161
    assert {path.name for path in folder.iterdir()} == {
        "results.json", "results.csv", "REPORT.md", "report.html", "pictures", "tables"
    }  # fmt: skip


def test_names_from_outside_cannot_run_and_cannot_read_files(tmp_path):
    evil = "<script>window.hacked = 1</script>"
    found = make_results(tmp_path, count=4, names=("good", evil))
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    found["rows"][1]["picture"] = "../"
    html = to_html(found, Shelf(tmp_path / "pictures"))
    assert evil not in html and "&lt;script&gt;window.hacked" in html
    assert "<b>1</b>" not in html and "c2VjcmV0" not in html


@pytest.mark.parametrize("key", ["ciede2000_mean", "chroma_ratio", "psnr_rgb", "sepia"])
def test_a_figure_that_was_not_computed_is_left_out(folder, key):
    found = results.read(folder / "results.json")
    for row in found["rows"][::3]:
        row[key] = None
    for row in found["rows"][1::3]:
        del row[key]
    assert "</html>" in to_html(found, Shelf(folder / "nowhere"))


def test_the_report_is_one_file(folder):
    html = (folder / "report.html").read_text()
    for outside in ("http://", "https://", "<link", "url("):
        assert outside not in html
    assert "data:image/jpeg;base64," in html and html.count("<svg") == 3


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here; set CHROMIUM to its path")
@pytest.mark.parametrize("width", [1280, 390])
def test_in_a_browser_it_sorts_filters_and_shows_pictures(folder, width):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install .[dev]")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": 850})
        wrong = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.goto((folder / "report.html").as_uri())
        assert page.locator("#kind").input_value() == "failures without sky", "it opens on the most telling pictures"
        assert page.locator("section:not([hidden]) img").first.evaluate("image => image.naturalWidth") == 64
        assert page.locator("#figures td.best").first.is_visible()
        first = "#figures tbody tr:not([hidden]) td:first-child"
        page.click("#figures th:has-text('PSNR') button")
        assert page.locator(first).all_inner_texts() == ["grey", "bad", "good", "truth"]
        page.click("#figures th:has-text('PSNR') button")
        assert page.locator(first).all_inner_texts() == ["truth", "good", "bad", "grey"]
        page.select_option("#slice", "sky no")
        assert page.locator("#figures tbody tr:not([hidden])").count() == 4
        assert page.locator("#figures tbody tr:not([hidden]) td:nth-child(2)").first.inner_text() == "20"
        page.select_option("#who", "bad")
        shown = "section:not([hidden]) div:not([hidden]) > .row"
        page.select_option("#kind", "worst")
        assert page.locator(shown).count() == 3
        page.click("section:not([hidden]) .again button")
        assert page.locator(shown).count() == 12
        page.wait_for_function(
            "[...document.querySelectorAll('section:not([hidden]) img')].every((i) => i.complete && i.naturalWidth > 0)"
        )
        page.locator(shown).first.focus()
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement === document.querySelectorAll('section:not([hidden]) .row')[1]")
        page.keyboard.press("Enter")
        assert page.locator("#large span").inner_text() == "input"
        page.keyboard.press("ArrowRight")
        assert page.locator("#large span").inner_text().startswith("good: ΔE00")
        page.keyboard.press("Escape")
        page.click("[data-copy=tex]:not([data-of])")
        page.wait_for_selector("text=Copied")
        page.select_option("#kind", "failures without sky")
        page.select_option("#seen", "yes")
        assert page.locator("section:not([hidden]) .none").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "no sideways scrolling"
        browser.close()
        assert not wrong, wrong


def test_it_opens_on_the_first_kind_that_has_a_picture(tmp_path):
    make_results(tmp_path, count=6, shift=0.0)
    found = results.read(tmp_path / "results.json")
    html = to_html(found, Shelf(tmp_path / "pictures"))
    assert '<option value="largest difference" selected>' in html, "nothing has failed here"
    assert html.count("<section") == 2 * len(KINDS)
    alone = {**found, "rows": [row for row in found["rows"] if row["colorizer"] != "bad"]}
    assert '<option value="worst" selected>' in to_html(alone, Shelf(tmp_path / "pictures"))
    assert "<circle" in html and "a dot a picture" in html, "six pictures are no histogram"


def test_the_best_is_marked_and_so_is_who_cannot_be_told_from_it(folder, tmp_path):
    def best(found: dict, key: str) -> set[str]:
        whole = [entry for entry in found["summaries"] if entry["slice"] == "all"]
        return {entry["colorizer"] for entry in whole if entry[key].get("best")}

    found = results.read(folder / "results.json")
    for key in ("psnr_rgb_mean", "ciede2000_mean", "chroma_ratio_median"):
        assert best(found, key) == {"good"}, key
    assert best(found, "lpips_squeeze_mean") == {"good", "bad"}, "they are equal"
    assert best(make_results(tmp_path, shift=0.0), "ciede2000_mean") == {"good", "bad"}
    line = next(line for line in (folder / "tables" / "all.tex").read_text().splitlines() if line.startswith("good"))
    assert r"$\mathbf{" in line and line.endswith(r"\\")
    with (folder / "tables" / "sky-no.csv").open(newline="") as file:
        rows = {row["colorizer"]: row for row in csv.DictReader(file)}
    assert (
        float(rows["good"]["psnr_rgb_mean"]) > float(rows["bad"]["psnr_rgb_mean"])
        and rows["bad"]["psnr_rgb_mean_n"] == "20"
    )


def test_one_report_of_several_runs(folder, tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_results(tmp_path / name, count=20 if name == "b" else 30, shift=1.0)
    runs = [str(tmp_path / name) for name in ("a", "b")]
    assert main(["report", *runs, "--output", str(tmp_path / "both")]) == 0
    found = results.read(tmp_path / "both" / "results.json")
    assert list(found["colorizers"]) == ["grey", "good", "bad", "truth", "good (b)", "bad (b)"]
    assert {entry["n"] for entry in found["summaries"] if entry["slice"] == "all"} == {20}
    assert any("another set of pictures" in note for note in found["notes"])
    assert "good (b)" in (tmp_path / "both" / "report.html").read_text()
    with pytest.raises(SystemExit):
        main(["report", *runs])
    assert "--output" in capsys.readouterr().err


def test_the_footer_says_how_to_measure_the_same_again(folder):
    found = results.read(folder / "results.json")
    found["colorizers"]["good"]["sha256"], found["commit"] = "ab" * 32, "cd" * 20 + "+"
    said = "\n".join(provenance(found))
    for word in ("good abababab", "cdcdcdcdcdcd with changes", "Seed 0", "python -m eval run --data <drawn>"):
        assert word in said


def test_compare_finds_a_planted_difference_and_the_right_side(folder):
    found = results.read(folder / "results.json")
    said = {entry["key"]: entry for entry in compare(found, found, "good", "bad")["figures"]}
    for key in ("psnr_rgb_mean", "ciede2000_mean", "chroma_ratio_median", "sepia_rate"):
        assert said[key]["verdict"] == "A is better", key
    assert said["psnr_rgb_mean"]["difference"] == pytest.approx(2, abs=0.2)
    assert said["lpips_squeeze_mean"]["verdict"] == "not different"
    back = {entry["key"]: entry for entry in compare(found, found, "bad", "good", "sky no")["figures"]}
    assert back["psnr_rgb_mean"]["verdict"] == "B is better" and back["psnr_rgb_mean"]["n"] == 20


def test_compare_calls_equal_things_not_different(tmp_path):
    found = make_results(tmp_path, shift=0.0)
    assert all(entry["verdict"] == "not different" for entry in compare(found, found, "good", "bad")["figures"])


def test_compare_warns_and_refuses_in_sentences(folder, tmp_path, capsys):
    found = results.read(folder / "results.json")
    other = copy.deepcopy(found)
    other["protocol"]["input"], other["data"]["sha256"] = "rec601", "0"
    other["rows"] = [row for row in other["rows"] if int(row["picture"], 16) < 10]
    warnings = " ".join(compare(found, other, "good", "bad")["warnings"])
    for word in ("different protocols (input)", "different sets", "10 pictures are too few"):
        assert word in warnings
    other["rows"] = [{**row, "picture": "x" + row["picture"]} for row in other["rows"]]
    with pytest.raises(ValueError, match="no picture in common"):
        compare(found, other, "good", "bad")
    one = {**found, "rows": [row for row in found["rows"] if int(row["picture"], 16) == 0]}
    assert compare(one, one, "good", "bad")["n"] == 1
    with pytest.raises(ValueError, match="no colorizer 'nobody'"):
        compare(found, found, "nobody", "bad")
    (tmp_path / "old.json").write_text(json.dumps({"schema": 1}))
    (tmp_path / "broken.json").write_text("{")
    a = str(folder / "results.json")
    for arguments, sentence in (
        ([a, str(tmp_path / "old.json")], "schema 1"),
        ([a, str(tmp_path / "broken.json")], "no results can be read"),
        ([a, a], "choose with"),
        ([a, "--between", "good", "good"], "with itself"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(["compare", *arguments])
        assert stopped.value.code == 2 and sentence in capsys.readouterr().err
    assert main(["compare", a, "--between", "good", "bad", "--output", str(tmp_path / "c.json")]) == 0
    assert "A is better" in capsys.readouterr().out and json.loads((tmp_path / "c.json").read_text())["n"] == 40


@pytest.mark.slow
def test_compare_any_number_of_files_with_a_correction_for_all_of_them(folder, tmp_path, capsys):
    found = results.read(folder / "results.json")
    chance = np.random.default_rng(1)
    files = [str(folder / "results.json")]
    for number in range(4):  # the same colorizer but for chance
        again = copy.deepcopy(found)
        for row in again["rows"]:
            if row["colorizer"] == "good":
                for key in ("psnr_rgb", "ciede2000_mean", "chroma_ratio"):
                    row[key] += chance.normal(0, 0.3)
        results.write(tmp_path / str(number), again)
        files.append(str(tmp_path / str(number) / "results.json"))
    arguments = ["compare", *files, "--colorizer", "good", "--slice", "all", "sky no", "--output"]
    assert main([*arguments, str(tmp_path / "c.json")]) == 0
    many = json.loads((tmp_path / "c.json").read_text())
    assert len(many) == 10 * 2 and {each["slice"] for each in many} == {"all", "sky no"}
    entries = [entry for each in many for entry in each["figures"]]
    assert all(entry["p_holm"] >= entry["p"] for entry in entries)
    assert {entry["verdict"] for entry in entries} == {"not different"}, "chance alone"
    assert "verdicts hold for all of them together" in capsys.readouterr().out
    assert main(["compare", files[0]]) == 0, "the two colorizers of one file"
    said = capsys.readouterr().out
    assert "A: good, B: bad" in said and "A is better" in said
    assert "| chroma lost without sky | 20 | 0.020 | 0.500 |" in said, "the sky dependence is compared, too"


def test_holm_against_its_table():
    """Four p values of Holm (1979) as worked in many textbooks: 0.01, 0.04, 0.03, 0.005."""
    figures = [{"p": p, "verdict": "A is better"} for p in (0.01, 0.04, 0.03, 0.005)]
    correct([{"figures": figures, "warnings": []}])
    assert [round(entry["p_holm"], 3) for entry in figures] == [0.03, 0.06, 0.06, 0.02]
    assert [entry["verdict"] for entry in figures] == ["A is better", "not different", "not different", "A is better"]


def test_results_follow_their_schema(folder, tmp_path):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed: pip install .[dev]")
    schema = json.loads((Path(results.__file__).parent / "results.schema.json").read_text())
    assert schema["properties"]["schema"]["const"] == results.SCHEMA
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    found = json.loads((folder / "results.json").read_text())
    assert not list(validator.iter_errors(found))
    for spoil in (
        lambda d: d.update(schema=2),
        lambda d: d["rows"][0].pop("path"),
        lambda d: d["summaries"][0]["psnr_rgb_mean"].pop("interval"),
        lambda d: d["rows"][0].update(psnr_rgb="25"),
    ):
        wrong = copy.deepcopy(found)
        spoil(wrong)
        assert list(validator.iter_errors(wrong))


def test_thumbnails_are_pictures(folder):
    with Image.open(next((folder / "pictures").glob("*/truth.jpg"))) as picture:
        assert picture.size == (64, 48)
