"""A real labgrid with a simulated board behind it; the long form is `tests.torture.labgrid_bench`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture import labgrid_bench


@pytest.mark.e2e
def test_a_place_is_monitored_and_two_users_never_share_it(tmp_path: Path) -> None:
    programs = labgrid_bench.labgrid_folder()
    if programs is None:
        pytest.skip("labgrid is not installed (ESPMON_LABGRID names the folder of its programs)")
    with labgrid_bench.Bench(programs, tmp_path).up() as bench:
        labgrid_bench.use(bench)
