"""What counts as right, a module a chapter."""
