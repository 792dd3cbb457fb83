"""The pocket world: two families of generated problems and a small policy, made by this repository."""
