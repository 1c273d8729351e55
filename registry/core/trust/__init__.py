"""Who may sign what, and when: the trust list, the chain of one key, and taking over a newer list."""
