"""Reads the room's tables, once."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from espmon.data import load_table


@cache
def table(name: str) -> Any:
    """The JSON table `espmon/records/data/<name>.json`."""
    return load_table(os.path.dirname(__file__), f"{name}.json")
