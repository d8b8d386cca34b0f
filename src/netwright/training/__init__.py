"""Real training on the user's images: data, recipe, fitting, resuming."""
