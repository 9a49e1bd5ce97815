"""What every room means by the same words: types and tables, each once.

The lowest floor. No input or output beyond its own tables, no decoding, no knowledge of a room. Only what two rooms use
stands here.
"""
