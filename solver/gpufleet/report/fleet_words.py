"""A fleet in a line."""

from gpufleet.schema.words import fleet_words as fleet_words
