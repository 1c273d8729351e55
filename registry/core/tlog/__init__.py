"""The log: the leaf of each act, the tree over the leaves, and what is signed about the tree."""
