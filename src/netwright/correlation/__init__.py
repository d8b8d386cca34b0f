"""Proxies against a table of trained networks: which rank them, how well, at what price."""
