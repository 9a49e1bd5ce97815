"""Screens, one a file. Each takes plain data and returns a typed result; none knows the session."""
