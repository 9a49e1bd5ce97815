"""A simulated board in this process, for the demo and for the list of ports."""

from __future__ import annotations

from contextlib import ExitStack

from espmon.session.status import OpenRequest


def start_board(boards: ExitStack, path_map: dict[str, str], chip: str = "esp32c3") -> OpenRequest:
    """Start a simulated board that runs until `boards` is closed.

    Args:
        boards: owns the board's thread.
        path_map: gets the place of the board's sources.
        chip: a key of `espmon.sim.simulated_chips.CHIPS`.

    Returns:
        How it is opened.

    Raises:
        ListenError: there is no free port on this computer.
    """
    from espmon.sim import BoardThread, SimulatedBoard
    from espmon.sim.firmware_image import SOURCE_PREFIX, SOURCES
    from espmon.sim.simulated_chips import CHIPS

    server = boards.enter_context(BoardThread(lambda: SimulatedBoard(chip)))
    path_map[SOURCE_PREFIX] = str(SOURCES)
    return OpenRequest(
        url=server.url,
        name=f"Simulated {CHIPS[chip].title}",
        elf=(server.board.elf,) if CHIPS[chip].riscv else (),
    )
