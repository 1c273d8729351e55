"""The open registry of mutual electronic certification: one node for each country."""
