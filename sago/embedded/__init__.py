"""Real servers from packages, and the stack of local processes around them, all children of nobody but us."""
