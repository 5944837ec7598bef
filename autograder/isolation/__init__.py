"""Starts, confines, times and ends workers; never imports what they run."""
