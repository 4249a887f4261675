"""The mean of the weights of two models is one of both, and nothing half done."""

from __future__ import annotations

import re

import pytest
import torch

from colorization import ColorizationConfig, ColorizationImageProcessor, ColorizationModel
from colorization.training.average_models import main

from ..conftest import make_tiny_model


def save(folder, model, working_size=64) -> str:
    model.save_pretrained(folder)
    ColorizationImageProcessor(working_size=working_size).save_pretrained(folder)
    return str(folder)


def test_weights_lie_between_and_the_first_decides_the_rest(tmp_path):
    first, second = make_tiny_model(), make_tiny_model()
    with torch.no_grad():
        for parameter in second.parameters():
            parameter.add_(1)
    folders = save(tmp_path / "first", first), save(tmp_path / "second", second, working_size=96)
    assert main([*folders, "--weight", "0.25", "--output", str(tmp_path / "out")]) == 0
    averaged = ColorizationModel.from_pretrained(tmp_path / "out", dtype=torch.float32)
    for name, parameter in averaged.named_parameters():
        assert torch.allclose(parameter, first.get_parameter(name) + 0.25, atol=2e-3, rtol=2e-3), name  # half precision
    assert ColorizationImageProcessor.from_pretrained(tmp_path / "out").working_size == 64


def test_refusals_are_sentences_and_leave_nothing(tmp_path, capsys):
    first = save(tmp_path / "first", make_tiny_model())
    other = ColorizationModel(
        ColorizationConfig(encoder_widths=(8, 8, 8, 16), context_width=8, decoder_widths=(8, 8, 8))
    )
    second = save(tmp_path / "second", other)
    for arguments, sentence in (
        ([first, second, "--output", str(tmp_path / "out")], "not of one architecture"),
        ([first, first, "--weight", "2", "--output", str(tmp_path / "out")], "in \\[0, 1\\]"),
        ([first, first, "--output", first], "exists already"),
        ([first, str(tmp_path / "nothing"), "--output", str(tmp_path / "out")], "nothing"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
        assert re.search(sentence, capsys.readouterr().err)
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.new").exists()
