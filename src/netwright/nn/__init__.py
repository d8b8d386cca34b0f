"""The same network in torch: layers, the builder, seeds, and what only a real module can tell."""
