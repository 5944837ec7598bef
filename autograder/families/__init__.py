"""What exercises of one kind have in common: how to read them, and properties to ask for."""
