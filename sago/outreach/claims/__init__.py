"""What a letter claims, claim by claim: read, looked up in what it cites, and receipted or refused."""
