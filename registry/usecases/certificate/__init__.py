"""Certificates: issued, registered, replaced, clarified and annulled."""
