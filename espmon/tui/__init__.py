"""espmon.tui."""
