"""What may come: scenarios of throughput, demand and failures, drawn by name, so that every plan meets the same ones."""
