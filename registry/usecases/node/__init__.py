"""The node itself: its measures, its tasks, and what stands still."""
