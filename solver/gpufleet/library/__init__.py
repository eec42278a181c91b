"""Files to schema and back: instances, plans, model cards, catalogues.

Everything wrong in a file is reported at once as an `InputError`, each problem with its line, its field, the value, and
what would be right.
"""

from gpufleet.library.bundled_instances import bundled_instances as bundled_instances
from gpufleet.library.calibrations import load_calibration as load_calibration
from gpufleet.library.calibrations import write_calibration as write_calibration
from gpufleet.library.cards import load_model_card as load_model_card
from gpufleet.library.cards import model_card_text as model_card_text
from gpufleet.library.cards import write_model_card as write_model_card
from gpufleet.library.curves import load_budget_curve as load_budget_curve
from gpufleet.library.digest import digest as digest
from gpufleet.library.importers.benchmarks.given import Given as Given
from gpufleet.library.importers.benchmarks.measurements import import_measurements as import_measurements
from gpufleet.library.importers.benchmarks.measurements import measurements_text as measurements_text
from gpufleet.library.importers.benchmarks.measurements import nearly_equal_sizes as nearly_equal_sizes
from gpufleet.library.importers.hf.card import Wishes as Wishes
from gpufleet.library.importers.hf.card import import_hf_config as import_hf_config
from gpufleet.library.importers.melange import import_melange as import_melange
from gpufleet.library.importers.trace import read_trace as read_trace
from gpufleet.library.importers.trace import with_trace as with_trace
from gpufleet.library.library import Library as Library
from gpufleet.library.plans import load_plan as load_plan
from gpufleet.library.plans import write_plan as write_plan
from gpufleet.library.resolve import load_instance as load_instance
from gpufleet.library.resolve import make_instance as make_instance
from gpufleet.library.resolve import resolve as resolve
from gpufleet.library.search_path import bundled_root as bundled_root
from gpufleet.library.sources.table import modelled_table as modelled_table
from gpufleet.library.writer import instance_text as instance_text
from gpufleet.library.writer import write_bytes as write_bytes
from gpufleet.library.writer import write_instance as write_instance
from gpufleet.library.writer import write_text as write_text
