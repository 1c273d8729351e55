"""The work: one piece a file, verb first; each function is the body of one transaction."""
