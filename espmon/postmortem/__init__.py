"""espmon.postmortem."""
