"""Which networks win here: described by their graphs, learned from a few trained probes."""
