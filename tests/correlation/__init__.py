"""Tests of netwright.correlation."""
