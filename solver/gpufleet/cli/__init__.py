"""The command line: the only room that prints."""

from gpufleet.cli.app import main as main
