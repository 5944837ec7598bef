"""What an exercise, a check, a mistake and a trial are; families and checks build on it."""
