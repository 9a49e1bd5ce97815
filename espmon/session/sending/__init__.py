"""Everything that goes to the board and is no reset: lines, texts with pauses, files, macros, replies."""
