"""The ordered questions of a verification, the verdict, and the bundle that answers them with no network."""
