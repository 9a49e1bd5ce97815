"""Sessions that were recorded: their index, what they hold, and how they are kept."""
