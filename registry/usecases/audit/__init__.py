"""The auditor: acts searched, looked at, and taken home."""
