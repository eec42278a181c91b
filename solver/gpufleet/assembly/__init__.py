"""From the values of the integer program back to a plan in the reader's terms."""

from gpufleet.assembly.assemble import assemble as assemble
from gpufleet.assembly.assemble import unanswered as unanswered
