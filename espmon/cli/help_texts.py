"""What the help says beside the options: a line for each command, and examples. Read when help is printed."""

from __future__ import annotations

from collections.abc import Mapping

SUMMARIES: Mapping[str, str] = {
    "run": "without a screen: the log or JSON lines on stdout, expectations, scripts, exit codes",
    "demo": "full screen on a simulated board, no hardware",
    "open": "full screen on a recorded session or any log file",
    "sessions": "recorded sessions: list, show, export, import, remove, diff",
    "crashes": "the crashes of all sessions, the same ones together",
    "serve": "a board's session in browsers, behind a token",
    "sim": "the simulated board alone, for other tools",
    "share": "monitor a port, and let another program use it over RFC 2217",
    "gdb": "monitor a port; gdb or an IDE gets the board when it halts in its debug stub",
    "scan": "list ports; --probe identifies the chips on all of them (asks first)",
    "probe": "identify the chip on a port (asks first)",
    "flash": "verify, write, erase, read flash; partition table and application info",
    "decode": "turn a capture into records or a readable log",
    "coredump": "report on a core dump, from the ELF alone; also out of a board's flash",
    "screenshot": "what the board's display shows, as a PNG file",
    "selftest": "what works with this board and this system, as a report",
    "symbolize": "addresses to functions and lines",
    "devices": "nicknames of boards",
    "config": "the settings as they count here, and where each came from",
    "formats": "what a board can send, byte by byte",
    "firmware": "code to copy into firmware, that sends it",
    "completion": "what a shell needs to complete these commands",
}
"""Command -> what it does, in a line."""

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "": (
        "espmon",
        "espmon /dev/ttyUSB0 --elf build/app.elf --probe",
        "espmon rfc2217://bench:4000 --print-filter 'wifi:W *:I'",
        "espmon labgrid:board1",
        "espmon /dev/ttyUSB0 | grep wifi",
    ),
    "run": (
        "espmon run /dev/ttyUSB0 | grep wifi",
        'espmon run lab-3 --reset --yes --expect "app_main" --fail-on panic --timeout 30',
        'espmon run rfc2217://bench:4000 --send-after "esp>" heap --until "free: [0-9]+" --json',
        r"printf 'reset\nexpect --timeout 20 ready\nscreenshot x.png\n' | espmon run /dev/ttyUSB0 --yes --script -",
        "espmon run /dev/ttyACM0 /dev/ttyACM1 --elf build/app.elf --timeout 60",
    ),
    "demo": ("espmon demo", "espmon demo --chip esp32s3 --no-probe"),
    "open": (
        "espmon open last",
        "espmon open 20260102-101500-lab-3 --elf build/app.elf",
        "espmon open idf.log.gz --start",
        "espmon open /var/log/board.log --follow",
        "espmon open demo.cast --speed 4",
    ),
    "sessions": (
        "espmon sessions list",
        "espmon sessions export last -o for-a-colleague.zip --elf build/app.elf",
        "espmon sessions import for-a-colleague.zip",
        "espmon sessions diff 20260101-101500 last",
    ),
    "serve": ("espmon serve /dev/ttyUSB0", "espmon serve lab-3 --listen 8080", "espmon serve demo"),
    "crashes": ("espmon crashes", "espmon crashes --json | jq '.crashes[-1].frames'"),
    "sim": ("espmon sim", "espmon sim --listen rfc2217://127.0.0.1:4000 --scenario coredump --chip esp32c6"),
    "share": ("espmon share /dev/ttyUSB0 --listen 127.0.0.1:4000",),
    "gdb": ("espmon gdb /dev/ttyUSB0 --elf build/app.elf", "espmon gdb lab-3 --elf build/app.elf --listen 3333 --yes"),
    "scan": ("espmon scan", "espmon scan --json | jq -r '.ports[0].device'", "espmon scan --labgrid"),
    "probe": (
        "espmon probe /dev/ttyUSB0",
        "espmon probe lab-3 --yes --json | jq -r .mac",
        "espmon probe /dev/ttyACM0 --before usb-reset --after no-reset --chip esp32c3",
    ),
    "flash": (
        "espmon flash write /dev/ttyUSB0 --project build",
        "espmon flash verify /dev/ttyUSB0 0x10000 build/app.bin --yes --json",
        "espmon flash info /dev/ttyUSB0",
    ),
    "flash verify": (
        "espmon flash verify /dev/ttyUSB0 --project build",
        "espmon flash verify /dev/ttyUSB0 0x10000 build/app.bin --yes --json",
    ),
    "flash write": (
        "espmon flash write /dev/ttyUSB0 --project build --app-only",
        "espmon flash write /dev/ttyUSB0 0x10000 build/app.bin --yes",
    ),
    "flash erase": ("espmon flash erase /dev/ttyUSB0 0x9000 0x6000", "espmon flash erase /dev/ttyUSB0 --all"),
    "flash read": ("espmon flash read /dev/ttyUSB0 0x9000 0x6000 nvs.bin",),
    "flash info": ("espmon flash info /dev/ttyUSB0", "espmon flash info /dev/ttyUSB0 --table 0x10000 --yes --json"),
    "decode": (
        "espmon decode capture.log --elf build/app.elf",
        "espmon decode capture.log --save out/",
        "some-other-monitor | espmon decode --json | jq 'select(.type == \"panic\")'",
    ),
    "coredump": (
        "espmon coredump capture.log --elf build/app.elf",
        "espmon coredump --port /dev/ttyUSB0 --yes --elf build/app.elf --save-core crash.elf",
    ),
    "screenshot": (
        "espmon screenshot /dev/ttyUSB0 -o display.png",
        'espmon screenshot lab-3 -o display.png --trigger "lvgl snapshot" --timeout 30 --json',
    ),
    "selftest": (
        "espmon selftest /dev/ttyUSB0 -o report.md",
        "espmon selftest /dev/ttyACM0 --unplug --yes --json",
    ),
    "symbolize": (
        "espmon symbolize build/app.elf 0x42006e3a 0x42006e38",
        "grep -o '0x4[0-9a-f]*' crash.txt | espmon symbolize build/app.elf",
    ),
    "devices": (
        "espmon devices set /dev/ttyUSB0 --nickname lab-3 --elf build/app.elf",
        "espmon lab-3",
        "espmon devices list --json",
    ),
    "config": ("espmon config", "espmon config --changed", "espmon config --json | jq .settings.theme"),
    "formats": ("espmon formats | less",),
    "firmware": ("espmon firmware --lang c components/espmon", "espmon firmware --lang arduino sketch"),
    "completion": (
        "espmon completion bash > ~/.local/share/bash-completion/completions/espmon",
        "espmon completion zsh > ~/.zfunc/_espmon",
        "espmon completion fish > ~/.config/fish/completions/espmon.fish",
    ),
}
"""Command (with its action, "" for the screen) -> command lines."""


def commands_help() -> str:
    """All commands, a line each."""
    rows = [f"  {name:<11} {summary}" for name, summary in SUMMARIES.items()]
    return "\n".join(["commands:", *rows])


def examples_help(name: str) -> str:
    """The examples of a command, "" where there are none."""
    rows = EXAMPLES.get(name, ())
    return "\n".join(["examples:", *(f"  {row}" for row in rows)]) if rows else ""
