"""Schema and performance to deployment options: enumeration, typed rejections, dominance."""
