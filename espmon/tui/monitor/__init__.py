"""The monitor screen and its parts."""
