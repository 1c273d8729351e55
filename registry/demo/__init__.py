"""Two countries on this machine, and what happens between them, told as it happens."""
