"""What the API answers, and what it is sent, by what that is about."""
