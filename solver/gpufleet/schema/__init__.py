"""What a person writes and reads: instances, catalogues, model cards, plans."""
