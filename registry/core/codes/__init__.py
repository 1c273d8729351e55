"""Code lists as values: the core opens no file."""
