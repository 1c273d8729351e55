"""What an exporter keeps once and uses in many applications, and the identifiers that goods and parties carry."""
