"""Training-free scores of a network at initialisation; one file each."""
