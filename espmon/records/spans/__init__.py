"""Span recognizers: one module a payload."""
