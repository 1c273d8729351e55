"""Private keys: made in a ceremony, kept encrypted, and shown to the rest only as `core.signature.Signer`."""
