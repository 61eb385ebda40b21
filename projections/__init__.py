"""The log becomes tables people can query: the projector, the read-model tables, and their rebuild."""
