"""Scripts that look at a model from outside: how it is read, and whether its colors are steady."""

from __future__ import annotations

import pytest
import torch

from colorization import ColorizationConfig, ColorizationImageProcessor, ColorizationModel
from eval.studies import choose_decoding, measure_stability

from ..conftest import draw_landscape


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    for seed in range(3):
        draw_landscape(420, 300, seed).save(folder / f"{seed}.png")
    return folder


def table(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"][2:]


def test_steady_colors_are_found_steady_and_others_not(photographs, tiny_model_dir, capsys, monkeypatch):
    assert measure_stability.main(["--data", str(photographs), "--model", str(tiny_model_dir)]) == 0
    rows = {row[0]: row for row in table(capsys.readouterr().out)}
    assert set(rows) == {"192 px", "256 px", "shifted by 1 px", "mirrored"} and all(
        row[1] == "3" for row in rows.values()
    )

    def by_size(pipe, picture, size):
        ab = torch.zeros(1, 2, size[1], size[0])
        ab[:, 0] = 20.0 if picture.width < 250 else 40.0
        return ab

    monkeypatch.setattr(measure_stability, "_ab", by_size)
    measure_stability.main(["--data", str(photographs), "--model", str(tiny_model_dir)])
    rows = {row[0]: float(row[2]) for row in table(capsys.readouterr().out)}
    assert rows["192 px"] > 5 and rows["256 px"] == 0 and rows["shifted by 1 px"] == 0 and rows["mirrored"] == 0

    def by_side(pipe, picture, size):
        return torch.linspace(0, 40, size[0]).expand(1, 2, size[1], size[0])

    monkeypatch.setattr(measure_stability, "_ab", by_side)
    measure_stability.main(["--data", str(photographs), "--model", str(tiny_model_dir)])
    rows = {row[0]: float(row[2]) for row in table(capsys.readouterr().out)}
    assert rows["mirrored"] > 5 and rows["192 px"] == 0
    with pytest.raises(SystemExit):
        measure_stability.main(["--data", str(photographs / "none"), "--model", str(tiny_model_dir)])


def test_decodings_are_told_apart(photographs, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(choose_decoding, "Lpips", lambda: lambda made, truth: (made - truth).abs().mean()[None])
    torch.manual_seed(0)
    config = ColorizationConfig(
        encoder_widths=[8] * 4, context_width=8, decoder_widths=[8] * 3, head="both", guided=True
    )
    ColorizationModel(config).save_pretrained(tmp_path / "model")
    ColorizationImageProcessor(working_size=64).save_pretrained(tmp_path / "model")
    arguments = ["--model", str(tmp_path / "model"), "--data", str(photographs), "--factor", "0,1"]
    assert choose_decoding.main([*arguments, "--share", "0,1", "--temperature", "0.1"]) == 0
    rows = {tuple(row[:6]): [float(cell.rstrip("%")) for cell in row[6:13]] for row in table(capsys.readouterr().out)}
    assert len(rows) == 4
    # A factor of 0 is grey, however the colors were read; at 1 the two heads differ.
    grey = [rows[("64", "0.1", share, "1", "0", "0")] for share in ("0", "1")]
    assert grey[0] == grey[1] and grey[0][0] == 0 and grey[0][3] == 0 and grey[0][4] == 100
    assert rows[("64", "0.1", "0", "1", "0", "1")] != rows[("64", "0.1", "1", "1", "0", "1")]
