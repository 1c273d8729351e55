"""The way back after a restored backup."""
