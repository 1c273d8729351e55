"""The corridor: messages, freshness and months, to a peer and from it."""
