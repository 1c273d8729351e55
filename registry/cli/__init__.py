"""The command line; each command is loaded when it is asked for, and the offline verifier loads the core alone."""
