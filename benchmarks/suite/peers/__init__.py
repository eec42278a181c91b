"""Other people's approaches to the same question, written here from their published descriptions."""
