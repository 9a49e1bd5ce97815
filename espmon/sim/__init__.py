"""A simulated board for demonstrations and tests: no hardware, no toolchain.

`SimulatedBoard` is the board, `BoardServer` puts it on the network inside an event loop, `BoardThread` does so for
callers without one. `espmon sim` is the same on the command line.
"""

from espmon.sim.board import SimulatedBoard
from espmon.sim.server import BoardServer, BoardThread, ListenError

__all__ = ["BoardServer", "BoardThread", "ListenError", "SimulatedBoard"]
