"""espmon.records."""
