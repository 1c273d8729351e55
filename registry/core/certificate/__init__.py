"""The certificate: what it says of parties and goods, and the credential around that."""
