"""Reads the room's tables, once."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def table(name: str) -> Any:
    """The JSON table `espmon/records/data/<name>.json`."""
    return json.loads(files("espmon.records").joinpath("data", f"{name}.json").read_text("utf-8"))
