"""How the numbers were found that the offline reader has learned."""
