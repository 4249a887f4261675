"""Recipes of earlier systems; apart from ours, so that two processes share what takes longest of all tests."""

from __future__ import annotations

import pytest

from colorization.training.recipe import list_recipes

from .by_heart import OURS, learn_by_heart


@pytest.mark.parametrize("name", [name for name in list_recipes() if not name.startswith(OURS)])
def test_learns_eight_pictures_by_heart_and_comes_back(name, tmp_path):
    learn_by_heart(name, tmp_path)
