"""The few words that go along with a model that somebody saves."""

from __future__ import annotations

from pathlib import Path

from .modeling_colorization import ColorizationModel

_CARD = """---
library_name: transformers
pipeline_tag: image-to-image
tags:
- image-colorization
- landscape
- custom_code
---

# Landscape Colorizer

A grey photograph of a landscape goes in; the same photograph comes out in believable color, with its size and its
luminance. The colors are a guess and no evidence of what a place looked like.

```python
from transformers import pipeline

pipe = pipeline("image-colorization", model="PATH_OR_ID", trust_remote_code=True)
pipe("photo.jpg").save("colored.png")
```

{architecture}: {parameters:.1f} M parameters, stored in {dtype}; {guided}.
"""


def write_card(folder: Path, model: ColorizationModel) -> None:
    """Write ``README.md`` beside a saved model, unless there is one."""
    card = folder / "README.md"
    if card.exists():
        return
    facts = {
        "architecture": getattr(model.config, "architecture", model.config.model_type),
        "parameters": model.num_parameters() / 1e6,
        "dtype": str(getattr(model, "stored_dtype", None) or model.dtype).removeprefix("torch."),
        "guided": "takes hints, palettes and looks" if model.config.guided else "takes no hints and no palettes",
    }
    card.write_text(_CARD.format(**facts), encoding="utf-8")
