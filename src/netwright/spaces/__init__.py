"""What networks may be: choices, tokens, and the rules that turn tokens into architectures."""
