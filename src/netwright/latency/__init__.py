"""How long a network will take: a table of parts measured on a device, and what it predicts."""
