"""Every kind of file is read as what it shows, or refused with the true reason; docs/formats.md is made of this."""

from __future__ import annotations

import numpy as np
import pytest

from colorization.model.images import UnreadableImageError, read_photo

from .drawn_files import Drawn, drawn_files

FILES = drawn_files()
NAMES = [f"{number}-{drawn.format}-{drawn.kind}" for number, drawn in enumerate(FILES)]


@pytest.mark.parametrize("drawn", FILES, ids=NAMES)
def test_a_file_is_read_as_what_it_shows(drawn: Drawn):
    if drawn.rgb is None:
        with pytest.raises(UnreadableImageError, match=drawn.reason):
            read_photo(drawn.content)
        return
    photo = read_photo(drawn.content)
    assert photo.rgb.shape == drawn.rgb.shape
    assert np.abs(photo.rgb.astype(int) - drawn.rgb).max() <= drawn.within
    assert (photo.alpha is None) == (drawn.alpha is None)
    if drawn.alpha is not None:
        assert np.abs(photo.alpha.astype(int) - drawn.alpha).max() <= 1
