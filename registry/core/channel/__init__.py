"""Numbered, hash-chained, signed messages between two nodes, and their receipts (formats 10)."""
