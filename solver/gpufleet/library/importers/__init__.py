"""Instances from other programs' files, one format per file."""
