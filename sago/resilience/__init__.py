"""What keeps a server that does not answer from holding up others; breakers are shared by all processes."""
