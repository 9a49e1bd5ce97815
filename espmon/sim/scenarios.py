"""What a simulated board does by itself: one row a scenario."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """How one kind of board behaves.

    Attributes:
        name: as `--scenario` takes it.
        description: one line for the help.
        interval: seconds between log lines; None: none by itself.
        startup: console commands that run after each boot; `sleep S` waits.
        after_panic: "reboot", "gdbstub" or "coredump" (prints the dump, then reboots).
        boot: "normal", or a name in `FAILED_BOOTS`, or "silent". A board with something in flash boots from it, so
            "empty-flash" ends when an application is written.
        console: whether there is a prompt.
        asks_terminal: whether the console asks the terminal for its status first, as linenoise does.
        starts_in_loader: IO0 is held low until the first reset.
    """

    name: str
    description: str
    interval: float | None = 1.0
    startup: tuple[str, ...] = ()
    after_panic: str = "reboot"
    boot: str = "normal"
    console: bool = True
    asks_terminal: bool = False
    starts_in_loader: bool = False
    rate: int | None = None
    """Baud of the application, which a client has to read at; None: the client's, whatever that is."""


FAILED_BOOTS = {
    "brownout": (0.4, "rst:0xf (RTCWDT_BROWN_OUT_RESET),boot:{boot}", ("", "Brownout detector was triggered", "")),
    "empty-flash": (0.6, "rst:0x7 (TG0WDT_SYS_RST),boot:{boot}", ("invalid header: 0xffffffff",) * 8),
    "no-application": (
        0.6,
        "rst:0x7 (TG0WDT_SYS_RST),boot:{boot}",
        ("E (48) boot: No bootable app partitions in the partition table",),
    ),
    "flash-error": (
        0.6,
        "rst:0x10 (RTCWDT_RTC_RST),boot:{boot}",
        ("flash read err, 1000", "ets_main.c 371", "ets Jun  8 2016 00:22:57"),
    ),
}
"""Boot name -> (seconds until the next try, reset line, what follows it)."""

_ROWS = (
    Scenario("demo", "boots, logs a line a second and has a console"),
    Scenario("quiet", "boots and has a console, but logs nothing by itself", interval=None),
    Scenario("busy", "logs as fast as the reader takes it", interval=None, startup=("flood 0",)),
    Scenario("bootloop", "panics half a second after each boot", interval=None, startup=("sleep 0.5", "panic")),
    Scenario("storm", "prints the same panic sixty times", interval=None, startup=("storm 60",)),
    Scenario("gdbstub", "a panic ends in the gdb stub", after_panic="gdbstub"),
    Scenario("coredump", "a panic prints a core dump, then reboots", after_panic="coredump"),
    Scenario("linenoise", "the console asks the terminal whether it is there", asks_terminal=True),
    Scenario("download", "waits in the ROM loader until it is reset", starts_in_loader=True),
    Scenario("brownout", "the supply is too weak to boot", boot="brownout", console=False),
    Scenario("empty-flash", "nothing has been written to the flash", boot="empty-flash", console=False),
    Scenario("flash-error", "the flash does not answer", boot="flash-error", console=False),
    Scenario("garbage", "sends at 74880 baud, whatever you read at", rate=74880),
    Scenario("silent", "says nothing and hears nothing", boot="silent", console=False),
)

SCENARIOS = {row.name: row for row in _ROWS}
"""Name -> scenario."""

LOG_LINES = (
    ("I", "wifi", "connected to espmon-lab, channel 6, rssi -6{turn} dBm"),
    ("I", "sensor", "temperature 21.{turn} °C"),
    ("D", "sensor", "raw=0x{turn:04x} samples=4"),
    ("I", "demo", "free heap 14{turn} KiB, minimum 138 KiB"),
    ("W", "display", "frame took 4{turn} ms, limit 33 ms"),
    ("I", "esp_timer", "callback 0x{address:08x} registered"),
    ("I", "display", "frame {count} shown"),
    ("E", "mqtt", "broker did not answer, try {turn}"),
    ("V", "wifi", "beacon {count}"),
)
"""(level, tag, text) of the lines a board logs by itself, in turn."""
