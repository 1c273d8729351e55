"""Bytes from and to the other node: bounded in time and size, and never believed before they are verified."""
