"""The log: extended, published, witnessed, mirrored, read and exported."""
