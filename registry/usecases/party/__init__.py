"""Who acts: organisations and people, their tokens, and what two operators do together."""
