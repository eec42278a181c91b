"""Options to integer data: the only room that rounds."""
