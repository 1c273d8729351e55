"""The command line; each command is loaded when it is asked for, so that the offline verifier loads the core alone."""
