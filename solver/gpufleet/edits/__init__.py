"""Edits: changes of a resolved instance that make another question of it."""
