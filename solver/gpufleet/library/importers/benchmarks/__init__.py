"""Result files of benchmarking tools to measurements, one format per file."""
