"""Whom we believe: roots, trust lists, and who signs for a body."""
