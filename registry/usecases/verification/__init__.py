"""What customs and importers ask, and what is told to them afterwards."""
