"""What to try next: pure functions of the history of trials."""
