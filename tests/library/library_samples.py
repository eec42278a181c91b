"""A small valid instance and a small library folder, as texts that a test can change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

VALID = """\
schema_version: 1
uid: tiny
title: One profiled workload on one rented node type
horizon_days: 30
sites:
  - {name: cloud, kind: public_cloud, country: NO, provider: Acme, region: north-1}
offers:
  - {name: rented, site: cloud, node_type: node-a, term: on_demand, usd_per_hour: 1.5, source: made up}
accelerators:
  - name: Acc-80
    vendor: Acme
    country: US
    kind: gpu
    family: Any
    memory_gb: 80
    memory_bandwidth_gb_s: 2000
    peak: {bf16_tflops: 300}
    verification: derived
    source: made up
node_types:
  - {name: node-a, accelerator: Acc-80, accelerators: 1, source: made up}
workloads:
  - name: chat
    kind: profiled
    classes:
      - {name: short, requests_per_s: 3}
    options:
      - {name: one, node_type: node-a, accelerators: 1, rates: {short: 2.5}}
"""

ACCELERATORS = """\
accelerators:
  - name: Lib-40
    vendor: Acme
    country: US
    kind: gpu
    family: Any
    memory_gb: 40
    memory_bandwidth_gb_s: 1500
    peak: {bf16_tflops: 300}
    verification: derived
    source: made up
"""

NODE_TYPES = """\
name,accelerator,accelerators,power_kw,source,as_of
acme-1x,Lib-40,1,,made up,2026-01-31
acme-8x,Lib-40,8,6.5,made up,
"""

OFFERS = """\
provider,region,node_type,term,usd_per_hour,assumed,source
Acme,north-1,acme-1x,on_demand,2,true,made up
Acme,any,acme-1x,on_demand,2.5,,made up
Acme,any,acme-8x,on_demand,15,,made up
Acme,north-1,acme-8x,reserved_1y,9.25,,made up
Acme,south-1,acme-8x,reserved_1y,8,,made up
"""

CARD = """\
name: tiny-encoder
title: A tiny encoder
parameters: 1e8
architecture: {kind: encoder, layers: 12, hidden_size: 768, sequence_tokens: 128}
variants:
  - {name: fp16, precision: fp16}
source: made up
"""


def make_folder(root: Path) -> Path:
    """Write the small library under `root`."""
    files = {
        "catalog/accelerators/acme.yaml": ACCELERATORS,
        "catalog/node_types/acme.csv": NODE_TYPES,
        "catalog/offers/acme.csv": OFFERS,
        "models/tiny-encoder.yaml": CARD,
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root
