"""`python -m gpufleet.cli`."""

from gpufleet.cli.app import main

main(prog_name="gpufleet")
