"""Field descriptions of a portal become columns, and columns JSON Schema."""
