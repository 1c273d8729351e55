"""The JSON and protocol face: parse, call one use case, render. No rule and no SQL lives here."""
