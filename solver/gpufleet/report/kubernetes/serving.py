"""Containers that answer requests: vLLM for language models, Triton for other models, and what is not known."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.performance.calibration import Efficiency, Key
from gpufleet.performance.device import family_of
from gpufleet.report.kubernetes import pods
from gpufleet.report.kubernetes.engines import FULL, engine_of, form_of
from gpufleet.report.kubernetes.names import slug
from gpufleet.schema.base import BITS
from gpufleet.schema.workloads import LLMServing, RequestServing
from gpufleet.schema.workloads import engine_of as software_of

if TYPE_CHECKING:
    from gpufleet.report.kubernetes.forms import Form
    from gpufleet.report.kubernetes.pods import Context, Manifest

SIDE_CHANNEL = 5600
RANK_PORT = 13345


@dataclass(frozen=True)
class Server:
    """A container with what it needs beside it."""

    engine: str
    """Key of its image."""
    container: Manifest
    files: dict[str, str]
    """File name to content, for a ConfigMap; empty where none is needed."""
    checkpoint: str = ""
    """What must lie under the model's path, in words."""
    prepare: tuple[str, ...] = ()
    """Shell commands of an init container that lays the files out; empty where none is needed."""


def server(context: Context, form: Form) -> Server:
    """The server of a form; warnings go to the context."""
    if isinstance(form.workload, LLMServing) and form.variant is not None:
        return _vllm(context, form)
    by_triton = form.accelerator.kind == "cpu" or (form.accelerator.vendor, form.accelerator.kind) == ("NVIDIA", "gpu")
    if isinstance(form.workload, RequestServing) and by_triton:
        return _triton(context, form)
    return _other(context, form)


def _vllm(context: Context, form: Form) -> Server:
    key = engine_of(form.accelerator)
    if key not in FULL:
        context.warn(form.name, f"engine-not-tried: {form.accelerator.name} is served by {key}; check every argument")
    if key == "other":
        return _other(context, form)
    assert form.variant is not None
    said = form_of(form.variant, form.accelerator)
    context.warn(form.name, *said.warnings)
    arguments = [pods.model_path(form), *_shape(context, form), *said.arguments, *_limits(form)]
    container = {
        "name": "vllm",
        "image": context.settings.image(key),
        "command": ["vllm", "serve"],
        "args": arguments,
        "ports": [{"name": "http", "containerPort": pods.PORT}],
        **pods.probes("/health", pods.PORT),
    }
    return Server(key, container, {}, said.checkpoint)


def _shape(context: Context, form: Form) -> list[str]:
    """How one replica is spread; of disaggregated ones, one decode instance."""
    shape = form.entry.parallelism
    assert form.card is not None
    found = [f"--served-model-name={form.card.name}", f"--port={pods.PORT}", f"--tensor-parallel-size={shape.tensor}"]
    found += [f"--pipeline-parallel-size={shape.pipeline}"] if shape.pipeline > 1 else []
    if shape.data > 1 and not shape.prefill_instances:
        found.append(f"--data-parallel-size={shape.data}")
    if shape.expert > 1:
        found.append("--enable-expert-parallel")
        whole = shape.tensor * (1 if shape.prefill_instances else shape.data)
        if shape.expert != whole:
            words = f"the plan spreads experts over {shape.expert} accelerators, vLLM always over TP x DP = {whole}"
            context.warn(form.name, f"expert-parallel-size: {words}")
    return found


def _limits(form: Form) -> list[str]:
    """Context, batch, tokens of a step and memory as the plan counts them."""
    workload, shape = form.workload, form.entry.parallelism
    assert isinstance(workload, LLMServing)
    longest = max(group.input_tokens + group.output_tokens for group in workload.classes)
    sequences = max(form.entry.batch // shape.data, 1)
    found = [f"--max-model-len={longest}", f"--max-num-seqs={sequences}"]
    found.append(f"--max-num-batched-tokens={max(_step_tokens(form), sequences)}")
    if form.entry.memory_limit_gb is not None and form.accelerator.memory_gb:
        share = math.floor(100 * form.entry.memory_limit_gb / form.accelerator.memory_gb) / 100
        found.append(f"--gpu-memory-utilization={share:.2f}")
    return [*found, "--enable-prefix-caching"] if workload.has_prefix_hits else found


def _step_tokens(form: Form) -> int:
    """Tokens of a step as the performance model counts them."""
    assert form.variant is not None
    bits = BITS[form.variant.compute_precision]
    card = form.card.name if form.card is not None else ""
    family = family_of(form.accelerator)
    wanted = Key("step_tokens", software_of(form.workload), card, family, "", bits)
    return int(Efficiency.of(form.resolved.calibration).figure(wanted, form.accelerator.kind))


def spanning(form: Form, container: Manifest, *, leads: bool) -> Manifest:
    """vLLM over several nodes of a LeaderWorkerSet, by its multiprocessing back end (vLLM, "Parallelism and Scaling").

    Data-parallel ranks that fit into a node start node by node (vLLM, "Data Parallel Deployment").
    """
    shape = form.entry.parallelism
    leader, index = "$(LWS_LEADER_ADDRESS)", "$(LWS_WORKER_INDEX)"
    per_rank = shape.tensor * shape.pipeline
    here = form.entry.parallelism.accelerators // form.nodes
    if shape.data > 1 and per_rank <= here:
        ranks = here // per_rank
        more = [f"--data-parallel-size-local={ranks}", f"--data-parallel-address={leader}"]
        more.append(f"--data-parallel-rpc-port={RANK_PORT}")
        if leads:
            return {**container, "args": [*container["args"], *more]}
        words = ["exec", *container["command"], *container["args"], *more, "--headless"]
        words.append(f"--data-parallel-start-rank=$((LWS_WORKER_INDEX * {ranks}))")
        return _silent({**container, "command": ["sh", "-c"], "args": [" ".join(words)]})
    more = [f"--nnodes={form.nodes}", f"--node-rank={'0' if leads else index}", f"--master-addr={leader}"]
    whole = {**container, "args": [*container["args"], *more, *([] if leads else ["--headless"])]}
    return whole if leads else _silent(whole)


def _silent(container: Manifest) -> Manifest:
    """A worker answers nobody: no ports, no probes."""
    gone = ("ports", "startupProbe", "readinessProbe", "livenessProbe")
    return {key: value for key, value in container.items() if key not in gone}


def disaggregated(container: Manifest, form: Form, role: str) -> Manifest:
    """A prefill or decode instance, which hand the cache over by NIXL (vLLM, "NixlConnector Usage Guide")."""
    tensor = form.entry.parallelism.prefill_tensor if role == "prefill" else form.entry.parallelism.tensor
    arguments = [word for word in container["args"] if not word.startswith("--tensor-parallel-size")]
    transfer = json.dumps({"kv_connector": "NixlConnector", "kv_role": "kv_both"})
    address = {"name": "VLLM_NIXL_SIDE_CHANNEL_HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    port = {"name": "VLLM_NIXL_SIDE_CHANNEL_PORT", "value": str(SIDE_CHANNEL)}
    return {
        **container,
        "args": [*arguments, f"--tensor-parallel-size={tensor}", f"--kv-transfer-config={transfer}"],
        "env": [address, port],
        "ports": [*container["ports"], {"name": "kv-transfer", "containerPort": SIDE_CHANNEL}],
    }


def _triton(context: Context, form: Form) -> Server:
    """Triton with a repository of one model: its configuration from a ConfigMap, its versions from the claim."""
    assert form.card is not None
    name = slug(form.card.name)
    kind = "KIND_CPU" if form.accelerator.kind == "cpu" else "KIND_GPU"
    config = [f'name: "{name}"', f"max_batch_size: {form.entry.batch}", "dynamic_batching { }"]
    config += ["instance_group [", "  {", "    count: 1", f"    kind: {kind}", "  }", "]"]
    container = {
        "name": "triton",
        "image": context.settings.image("triton"),
        "command": ["tritonserver"],
        "args": ["--model-repository=/repository", f"--http-port={pods.PORT}", "--strict-readiness=true"],
        "ports": [
            {"name": "http", "containerPort": pods.PORT},
            {"name": "grpc", "containerPort": 8001},
            {"name": "metrics", "containerPort": 8002},
        ],
        "volumeMounts": [{"name": "repository", "mountPath": "/repository"}],
        **pods.probes("/v2/health/ready", pods.PORT),
    }
    if form.card.runtimes and not any(
        r.runs(form.accelerator, form.variant) for r in form.card.runtimes if form.variant
    ):
        context.warn(form.name, f"runtime: no software is known to run {form.card.name} there")
    lay_out = (
        f"mkdir -p /repository/{name}",
        f"cp /config/config.pbtxt /repository/{name}/config.pbtxt",
        f"ln -s {pods.model_path(form)}/1 /repository/{name}/1",
    )
    return Server(
        "triton", container, {"config.pbtxt": "\n".join(config) + "\n"}, "a folder 1 as Triton wants it", lay_out
    )


def _other(context: Context, form: Form) -> Server:
    """A container whose image and arguments a person must fill in."""
    what = "its throughput was measured with software that the instance does not name"
    if form.card is not None:
        what = f"no server is known here for {form.card.name} on {form.accelerator.name}"
    context.warn(form.name, f"engine-unknown: {what}; give --image other=..., and the arguments by hand")
    container = {
        "name": "server",
        "image": context.settings.image("other"),
        "ports": [{"name": "http", "containerPort": pods.PORT}],
        "readinessProbe": {"tcpSocket": {"port": pods.PORT}, "periodSeconds": 5},
    }
    return Server("other", container, {})
