"""Field descriptions of a portal → columns → JSON Schema."""
