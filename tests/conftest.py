"""Shared by all tests: the inputs they read, and the check that no process outlives them."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.inputs import OWN, REAL, Dump, Log, all_dumps, all_logs, real_inputs
from tests.posix_only import modules_for_posix

pytest_plugins = ["tests.survivors"]

collect_ignore = modules_for_posix(Path(__file__).parent) if sys.platform == "win32" else []


# How long an example takes is the machine's business: the allowance of 200 ms fails where it is busy.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# Who is started in the background inherits that Ctrl-C is ignored, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Ten thousand collected tests stay: looking through them again and again took a quarter of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What drives programs or the screen in real time may lose to a busy machine once: it is tried again, and told."""
    for item in items:
        if item.get_closest_marker("e2e") or "tui" in item.path.parts:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session", autouse=True)
def _mock_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """esp32-mock-bootloader lists its instances here, and not in a folder of the system that another user may own."""
    os.environ["ESP32_MOCK_BOOTLOADER_STATE_DIR"] = str(tmp_path_factory.mktemp("mock-bootloader"))


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


@pytest.fixture(scope="session", params=[OWN, *([REAL] if REAL.is_dir() else [])], ids=lambda path: path.parent.name)
def inputs(request: pytest.FixtureRequest) -> Path:
    """The folder of inputs that the project made, and that of the real ones."""
    return Path(request.param)


@pytest.fixture(scope="session", params=list(all_dumps()), ids=lambda dump: dump.name)
def dump(request: pytest.FixtureRequest) -> Dump:
    """Each core dump."""
    found: Dump = request.param
    return found


@pytest.fixture(scope="session", params=list(all_logs()), ids=lambda log: log.name)
def log(request: pytest.FixtureRequest) -> Log:
    """Each log."""
    found: Log = request.param
    return found
