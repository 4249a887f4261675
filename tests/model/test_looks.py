"""Named palettes that come with a model."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from colorization.model.ab_bins import ab_centers
from colorization.model.image_processing_colorization import ColorizationImageProcessor
from colorization.model.pipeline_colorization import ColorizationPipeline

LOOKS = {"autumn": [[10, 30, 0.75], [0, 0, 0.25]], "blue hour": [[10, -30, 1.0]]}


def test_a_look_is_a_palette_around_its_colors():
    processor = ColorizationImageProcessor(64, looks=LOOKS)
    palette = processor.make_look("autumn")
    assert palette.shape == (1, len(ab_centers())) and palette.sum() == pytest.approx(3)
    mean = palette[0] @ ab_centers() / 3
    # Symmetric about each grid point, where all its neighbors can be shown.
    torch.testing.assert_close(mean, torch.tensor([7.5, 22.5]), atol=1.5, rtol=0)
    assert torch.equal(processor.make_look("Blue-Hour"), processor.make_look("blue hour"))


def test_looks_travel_with_the_processor(tmp_path):
    ColorizationImageProcessor(64, looks=LOOKS).save_pretrained(tmp_path)
    again = ColorizationImageProcessor.from_pretrained(tmp_path)
    assert again.looks == LOOKS
    assert torch.equal(again.make_look("autumn"), ColorizationImageProcessor(64, looks=LOOKS).make_look("autumn"))


def test_unknown_looks_are_named():
    with pytest.raises(ValueError, match="no look 'spring'; this model has autumn, blue hour"):
        ColorizationImageProcessor(64, looks=LOOKS).make_look("spring")
    with pytest.raises(ValueError, match="has no looks"):
        ColorizationImageProcessor(64).make_look("autumn")


def test_the_pipeline_takes_a_look(guided_pipeline):
    pipe = ColorizationPipeline(
        model=guided_pipeline.model, image_processor=ColorizationImageProcessor(64, looks=LOOKS), device="cpu"
    )
    grey = Image.linear_gradient("L").resize((64, 64))
    assert pipe(grey, look="autumn").tobytes() != pipe(grey).tobytes()
    palette = pipe.image_processor.make_look("autumn")
    assert pipe(grey, look="autumn").tobytes() == pipe(grey, palette=palette).tobytes()
    with pytest.raises(ValueError, match="not both"):
        pipe(grey, look="autumn", palette=palette)
