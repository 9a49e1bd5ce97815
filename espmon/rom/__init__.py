"""espmon.rom."""
