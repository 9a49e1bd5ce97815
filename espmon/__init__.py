"""espmon: a full-screen serial monitor for ESP32-family boards."""

__version__ = "0.1.0"
