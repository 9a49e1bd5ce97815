"""espmon.sim."""
