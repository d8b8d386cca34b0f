"""Neural architecture search that fits a budget, a laptop and an afternoon."""
