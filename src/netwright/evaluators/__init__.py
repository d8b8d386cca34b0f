"""How good an architecture is: training-free scores or short trainings, as an Outcome."""
