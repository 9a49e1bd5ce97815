"""espmon.testing."""
