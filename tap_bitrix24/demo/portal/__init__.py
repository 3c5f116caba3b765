"""The portal that every interface serves: its settings and switches, limits, faults, counters and errors."""
