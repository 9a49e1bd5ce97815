"""Shared by all tests: where the measured inputs are, and what is skipped without them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["tests.survivors"]

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


FACTS = SHARED.parent / "facts"


@pytest.fixture(scope="session")
def shared_facts() -> Path:
    """The folder of collected facts beside the checkout; tests that need it skip where it is absent."""
    if not FACTS.is_dir():
        pytest.skip("the collected facts (../shared/facts) are not beside this checkout")
    return FACTS


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real inputs beside the checkout; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the real inputs (../shared/data) are not beside this checkout")
    return SHARED
