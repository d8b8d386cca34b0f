"""Exporters: how a network leaves netwright, each file checked against torch before it is named."""
