"""What a network is: frozen, shape-checked graphs of primitive operations and their exact costs."""
