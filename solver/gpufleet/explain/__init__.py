"""Why: what eliminated the candidates, what came nearest, and which limit stands in the way."""
