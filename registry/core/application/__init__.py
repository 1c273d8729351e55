"""An application from its draft to the issue of a certificate."""
