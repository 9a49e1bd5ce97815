"""defmt: log frames of Rust firmware, which name their format strings by number; the strings are in the ELF alone."""
