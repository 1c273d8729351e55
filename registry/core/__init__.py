"""The pure core: claims, rules, trust, verdict, log and channel. It knows no clock, file, database or network."""
