"""espmon.port."""
