"""The board's own screen in raw mode: an emulator behind a small protocol, and the widget that shows its cells."""
