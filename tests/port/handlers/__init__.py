"""URL handlers as a user of pyserial writes them: `own://` has a file descriptor, `blind://` has none."""
