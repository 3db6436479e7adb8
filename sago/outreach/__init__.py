"""Why somebody said no, whether the reason still holds, and the letter when it does not."""
