"""The side that looks on at the session of the program that holds the port."""
