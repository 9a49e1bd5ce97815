"""espmon.session."""
