"""Other people's price lists to prices of the catalogue: SkyPilot, gpuhunt, AWS price lists, vendors' quotes."""
