"""Shared by all tests: the inputs they read, and the check that no process outlives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inputs import OWN, REAL_DUMPS, REAL_LOGS, Dump, Log, dump_named, log_named, own_dumps, own_logs, real_inputs

pytest_plugins = ["tests.survivors"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real inputs beside the checkout; tests that need it skip where it is absent."""
    return real_inputs()


@pytest.fixture(scope="session")
def shared_facts() -> Path:
    """The folder of collected facts beside the checkout; tests that need it skip where it is absent."""
    facts = real_inputs().parent / "facts"
    if not facts.is_dir():
        pytest.skip("the collected facts (../shared/facts) are not beside this checkout")
    return facts


@pytest.fixture(scope="session", params=["own", "real"])
def inputs(request: pytest.FixtureRequest) -> Path:
    """The folder of inputs that the project made, and that of the real ones."""
    return OWN if request.param == "own" else real_inputs()


@pytest.fixture(scope="session", params=[*own_dumps(), *REAL_DUMPS])
def dump(request: pytest.FixtureRequest) -> Dump:
    """Each core dump."""
    return dump_named(request.param)


@pytest.fixture(scope="session", params=[*own_logs(), *REAL_LOGS])
def log(request: pytest.FixtureRequest) -> Log:
    """Each log."""
    return log_named(request.param)
