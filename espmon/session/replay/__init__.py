"""A recording, or any log file, in place of a port: the same pipeline, store and screens, and nothing to send to."""
