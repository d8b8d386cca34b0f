"""What a network is: frozen, shape-checked graphs of operations, and their exact costs."""
