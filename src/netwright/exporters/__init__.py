"""Exporters: how a network leaves netwright, each file checked against torch first."""
