"""The kinds of certificate that this registry knows, and what makes each its own."""
