"""What may come: scenarios of throughput, demand and failures, drawn by name, so that all plans meet the same ones."""
