"""The side that holds the port: lets other programs of the same user look on at its session."""
