"""Tables that are kept as JSON beside the code, below every room."""

from __future__ import annotations

import json
import os
from typing import Any


def load_table(module_file: str, name: str) -> Any:
    """The content of `data/NAME` in the folder of the module whose `__file__` is given.

    A plain file: `importlib.resources` takes longer to import than opening a port does.
    """
    with open(os.path.join(os.path.dirname(module_file), "data", name), encoding="utf-8") as file:
        return json.load(file)
