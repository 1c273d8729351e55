"""The signed bytes around what is said."""
